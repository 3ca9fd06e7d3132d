//! Changes a day, unless it was changed meanwhile.

use std::sync::LazyLock;

use redis::{Script, ScriptInvocation};

use super::header::DayHeader;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::keys;

/// Keys: the readings, the packed days, the days; all in one hash slot. Arguments: the field of the version, that of the
/// lease, the day, the header that is expected, the token of the lease that is held or nothing, the new header, whether the
/// value is left, set or removed, the value, the number of members to add, their scores and members, and the members to
/// remove. Gives 1, 0 where the header is another, and -1 without the lease.
///
/// What needs memory comes first: Redis without memory refuses the first command, and nothing is changed.
static CHANGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local version_field, lease_field, day, expected, token = unpack(ARGV, 1, 5)
         local header, action, value, added = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
         if (redis.call('HGET', KEYS[3], day) or '') ~= expected then return 0 end
         if token ~= '' then
             local lease = redis.call('HGET', KEYS[3], lease_field) or ''
             if string.match(lease, '^(%S+)') ~= token then return -1 end
         end
         for i = 10, 9 + 2 * added, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
         if action == 'set' then redis.call('HSET', KEYS[2], day, value) end
         redis.call('HSET', KEYS[3], day, header)
         local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]
         local version = tonumber(redis.call('HGET', KEYS[3], version_field) or 0)
         redis.call('HSET', KEYS[3], version_field, string.format('%.0f', math.max(now, version + 1)))
         if action == 'remove' then redis.call('HDEL', KEYS[2], day) end
         for i = 10 + 2 * added, #ARGV do redis.call('ZREM', KEYS[1], ARGV[i]) end
         return 1",
    )
});

/// The most members that one change should add or remove. Too low and a day takes many round trips; too high and Redis
/// serves no other client meanwhile (about a microsecond each).
pub const CHANGED_MEMBERS: usize = 500;

/// What becomes of the packed value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PackedValue {
    /// It stays.
    #[default]
    Kept,
    /// It is replaced.
    Set(Vec<u8>),
    /// It is removed.
    Removed,
}

/// A change of one day of a site.
#[derive(Debug, Clone)]
pub struct DayChange<'a> {
    /// The day.
    pub day: Day,
    /// Its header as it was read; without one the day has none.
    pub expected: Option<&'a DayHeader>,
    /// The token of the lease that is to be held still: without it members may have been removed since they were read.
    pub lease: Option<&'a str>,
    /// The header afterwards.
    pub header: &'a DayHeader,
    /// The packed value.
    pub value: PackedValue,
    /// Members to add to the sorted set, with their scores.
    pub added: &'a [(f64, &'a [u8])],
    /// Members to remove from the sorted set.
    pub removed: &'a [&'a [u8]],
}

/// Whether a day was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Changed {
    /// It was.
    Yes,
    /// Its header is another one: it is to be read again.
    ReadAgain,
    /// The lease is not held any more, or members were removed since it was acquired.
    LeaseLost,
}

impl DayChange<'_> {
    pub(super) fn script(&self, site: &SiteId) -> ScriptInvocation<'static> {
        let mut script = CHANGE.key(keys::series(site));
        script.key(keys::packed(site)).key(keys::days(site));
        script.arg(keys::DAYS_VERSION).arg(keys::PACKING_LEASE).arg(self.day.number());
        script.arg(self.expected.map(DayHeader::to_bytes).unwrap_or_default());
        script.arg(self.lease.unwrap_or_default()).arg(self.header.to_bytes());
        match &self.value {
            PackedValue::Kept => script.arg("keep").arg(""),
            PackedValue::Set(value) => script.arg("set").arg(value.as_slice()),
            PackedValue::Removed => script.arg("remove").arg(""),
        };
        script.arg(self.added.len());
        for (score, member) in self.added {
            script.arg(score).arg(*member);
        }
        for member in self.removed {
            script.arg(*member);
        }
        script
    }
}
