//! Which members days have, in which tiers, at one time.
//!
//! A day that is packed between two commands would look empty, or have its members twice, so one script reads both keys
//! of the site's hash slot.

use std::sync::LazyLock;

use redis::{Cmd, Script, Value, cmd};

use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::connection::reply;
use crate::store::keys;
use crate::store::packed::DayHeader;

/// Keys: the readings, and the days, if the site can have any. Arguments: the first day, the day after the last one, and
/// the day before which the next one is looked for. Gives the number of members of each day in the sorted set, the header
/// of each, the first later member, and the first later day that has a header.
///
/// Days beyond the ends of the sorted set are not counted: packed years cost no `ZCOUNT` a day.
const CODE: &str = "local series, days = KEYS[1], KEYS[2]
 local first, stop, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
 local function score_at(rank)
     return tonumber(redis.call('ZRANGE', series, rank, rank, 'WITHSCORES')[2])
 end
 local low, high = score_at(0), score_at(-1)
 local fields, counts, headers = {}, {}, {}
 for day = first, stop - 1 do
     local start, count = day * 86400, 0
     if low and start + 86400 > low and start <= high then
         count = redis.call('ZCOUNT', series, start, '(' .. (start + 86400))
     end
     fields[#fields + 1], counts[#counts + 1] = day, count
 end
 if days and #fields > 0 then headers = redis.call('HMGET', days, unpack(fields)) end
 local found, later = {}, false
 if stop < limit then
     found = redis.call('ZRANGE', series, stop * 86400, '(' .. (limit * 86400), 'BYSCORE',
         'LIMIT', 0, 1, 'WITHSCORES')
     for _, field in ipairs(days and redis.call('HKEYS', days) or {}) do
         local day = tonumber(field)
         if day and day >= stop and day < limit and not (later and later < day) then
             later = day
         end
     end
 end
 return {counts, headers, found, later}";

static COUNT: LazyLock<Script> = LazyLock::new(|| Script::new(CODE));

/// The members of neighbouring days by tier.
#[derive(Debug)]
pub(super) struct TierCounts {
    /// Of each day, how many are in the sorted set.
    pub hot: Vec<u64>,
    /// The headers; none of a site that has no packed days.
    pub headers: Vec<Option<DayHeader>>,
    /// The first later day that may have members.
    pub next: Option<Day>,
}

/// The command that reads them.
pub(super) fn command(site: &SiteId, [from, end, until]: [Day; 3]) -> Cmd {
    let mut command = cmd("EVALSHA");
    command.arg(COUNT.get_hash());
    if keys::can_be_packed(site) {
        command.arg(2).arg(keys::series(site)).arg(keys::days(site));
    } else {
        command.arg(1).arg(keys::series(site));
    }
    command.arg(from.number()).arg(end.number()).arg(until.number());
    command
}

/// The command that loads the script.
pub(super) fn load() -> Cmd {
    let mut command = cmd("SCRIPT");
    command.arg("LOAD").arg(CODE);
    command
}

impl TierCounts {
    /// Of the reply to the command; `None` for one of another shape, or with a header of a later format.
    pub fn parse(reply: Value) -> Option<Self> {
        let [hot, headers, found, later] = <[Value; 4]>::try_from(reply::array(reply)?).ok()?;
        let hot = reply::array(hot)?.iter().map(reply::integer).collect::<Option<_>>()?;
        let header = |value: Value| match reply::bytes(value) {
            None => Some(None),
            Some(bytes) => DayHeader::from_bytes(&bytes).map(Some),
        };
        let headers = reply::array(headers)?.into_iter().map(header).collect::<Option<_>>()?;
        let found = reply::scored_members(found)?;
        let of_member = found.first().map(|(score, _)| day_of(*score));
        let of_header = match later {
            Value::Int(number) => Some(Day::from_number(i32::try_from(number).ok()?)),
            _ => None,
        };
        let next = of_member.into_iter().chain(of_header).min();
        Some(Self { hot, headers, next })
    }
}

/// The day of a score in epoch seconds.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and no calendar has such days")]
fn day_of(score: f64) -> Day {
    Day::from_number((score / 86_400.0).floor() as i32)
}
