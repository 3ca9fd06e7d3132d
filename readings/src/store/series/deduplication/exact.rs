//! Readings that the script does not compare: in centuries in which scores are rounded, and those of packed days.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use redis::{Script, ScriptInvocation, Value, cmd};

use super::decision::{Decision, decide};
use super::outcome::SiteOutcome;
use super::packed_day::{NewDay, PackedDay, PackedDayCache};
use super::policy::Deduplication;
use super::uncompared_days::{LateEntries, UncomparedDays};
use crate::energy::rollup::Day;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::packed::DayHeader;
use crate::store::series::invalidation::NO_KEY;
use crate::store::series::series_store::SeriesStore;
use crate::store::stream_id::StreamId;

const ZADD: &str = "ZADD";
const ZRANGE: &str = "ZRANGE";

/// Adds and removes members of one score, unless there are others than were read, the day was changed, or the entry is
/// deleted. Keys: the readings, and those at the places that the first arguments name: the days, the packed days, the
/// rollups, the deleted ids. Further arguments: the fields of the rollup generation, of the version and of the lease, the
/// score, the day, the id of the entry, the header that is expected, the new one (or nothing), the new value (or nothing, if
/// it is removed), the numbers of members that were read, that are removed and of ids that become deleted ones, the members
/// and ids, and the new member, if it is kept.
static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local days, packed, rollups = KEYS[tonumber(ARGV[1])], KEYS[tonumber(ARGV[2])], KEYS[tonumber(ARGV[3])]
         local deleted_ids = KEYS[tonumber(ARGV[4])]
         local generation, version_field, lease, score, day, id = unpack(ARGV, 5, 10)
         local expected, header, value = unpack(ARGV, 11, 13)
         local read, removed, ids = tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16])
         if deleted_ids and redis.call('ZMSCORE', deleted_ids, id)[1] then return 2 end
         if days and (redis.call('HGET', days, day) or '') ~= expected then return 0 end
         local members = redis.call('ZRANGE', KEYS[1], score, score, 'BYSCORE')
         if #members ~= read then return 0 end
         for i, member in ipairs(members) do
             if member ~= ARGV[16 + i] then return 0 end
         end
         local first_removed = 17 + read
         local first_id = first_removed + removed
         local new = ARGV[first_id + ids]
         if new then redis.call('ZADD', KEYS[1], score, new) end
         if header ~= '' then
             if value ~= '' then redis.call('HSET', packed, day, value) end
             redis.call('HSET', days, day, header)
             local time = redis.call('TIME')
             local now = time[1] * 1000000 + time[2]
             local version = tonumber(redis.call('HGET', days, version_field) or 0)
             redis.call('HSET', days, version_field, string.format('%.0f', math.max(now, version + 1)))
             if value == '' then redis.call('HDEL', packed, day) end
         end
         for i = first_id, deleted_ids and first_id + ids - 1 or 0 do
             redis.call('ZADD', deleted_ids, string.match(ARGV[i], '^%d+'), ARGV[i])
         end
         for i = first_removed, first_id - 1 do redis.call('ZREM', KEYS[1], ARGV[i]) end
         if removed > 0 or header ~= '' then
             if days then redis.call('HDEL', days, lease) end
             if rollups then
                 redis.call('HDEL', rollups, day)
                 redis.call('HINCRBY', rollups, generation, 1)
             end
         end
         return 1",
    )
});

/// Reply of the script: the members or the day were changed meanwhile, and nothing was changed.
const CHANGED_MEANWHILE: i64 = 0;

/// Reply of the script: the entry is deleted, and nothing was changed.
const DELETED: i64 = 2;

impl SeriesStore {
    /// Writes the entries that a write has left undecided, each of which is one of these, and adds what was done to
    /// its outcome.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; all can be written again.
    pub async fn write_undecided(
        &self,
        deduplication: &Deduplication,
        entries: &[&StreamEntry],
        outcome: &mut SiteOutcome,
    ) -> StoreResult<()> {
        let (mut days, mut late) = (PackedDayCache::default(), LateEntries::default());
        for position in std::mem::take(&mut outcome.undecided) {
            if let Some(entry) = entries.get(position) {
                let written = self.write_exactly(deduplication, entry, &mut days, &mut late);
                outcome.add(written.await?);
            }
        }
        if let Some(entry) = entries.first() {
            let key = deduplication.uncompared_days.clone();
            let days = late.days(&entry.reading.site_id, deduplication.policy);
            UncomparedDays::of_key(key, self.connection().clone()).add(&days).await?;
        }
        if !deduplication.has_all_keys {
            self.remember(deduplication, &outcome.dropped).await?;
        }
        Ok(())
    }

    /// Adds the ids of readings that are not kept to the deleted ids. A process that ends before this leaves them without:
    /// their entries are compared again when they are delivered again.
    async fn remember(&self, deduplication: &Deduplication, ids: &[StreamId]) -> StoreResult<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut command = cmd(ZADD);
        command.arg(&deduplication.deleted_ids);
        for id in ids {
            command.arg(id.ms).arg(id.to_string());
        }
        self.connection().send(ZADD, &command).await.map(drop)
    }

    async fn write_exactly(
        &self,
        deduplication: &Deduplication,
        entry: &StreamEntry,
        days: &mut PackedDayCache,
        late: &mut LateEntries,
    ) -> StoreResult<SiteOutcome> {
        loop {
            let day = days.day_of(self, entry).await?;
            let members = self.members_of_score(entry).await?;
            fail::fail_point!("dedup-after-read");
            let packed = day.members_at(entry);
            let decision = decide(deduplication.policy, entry, &union(&members, packed));
            if day.is_archived() && (decision.is_kept || decision.is_stored) {
                late.insert(Day::of(entry.reading.timestamp.instant()), entry.id);
            }
            if decision.is_stored {
                return Ok(SiteOutcome::default());
            }
            let removed: Vec<_> = decision.removed.iter().map(|(_, it)| it.as_slice()).collect();
            let new_day = day.without(self, &entry.reading.site_id, &removed)?;
            let found = Found { members: &members, day: &day, new_day };
            let replaced = if deduplication.has_all_keys {
                self.replace(deduplication, entry, &found, &decision).await?
            } else {
                self.replace_in_steps(deduplication, entry, &found, &decision).await?
            };
            match replaced {
                Value::Int(CHANGED_MEANWHILE) => {}
                Value::Int(DELETED) => return Ok(SiteOutcome::default()),
                _ => return Ok(decision.outcome(entry)),
            }
        }
    }

    async fn members_of_score(&self, entry: &StreamEntry) -> StoreResult<Vec<Vec<u8>>> {
        let score = codec::score(entry);
        let mut command = cmd(ZRANGE);
        command.arg(keys::series(&entry.reading.site_id)).arg(score).arg(score).arg("BYSCORE");
        let members = reply::array(self.connection().send(ZRANGE, &command).await?);
        let members = members.and_then(|members| members.into_iter().map(reply::bytes).collect());
        members.ok_or_else(|| self.connection().unexpected_reply(ZRANGE))
    }

    /// As `replace`, where the script may have the key of the readings alone. The rollups are invalidated before as well: a
    /// process that ends between the steps leaves none that were stored before.
    async fn replace_in_steps(
        &self,
        deduplication: &Deduplication,
        entry: &StreamEntry,
        found: &Found<'_>,
        decision: &Decision,
    ) -> StoreResult<Value> {
        let mut is_deleted = cmd("ZSCORE");
        is_deleted.arg(&deduplication.deleted_ids).arg(entry.id.to_string());
        if self.connection().send("ZSCORE", &is_deleted).await? != Value::Nil {
            return Ok(Value::Int(DELETED));
        }
        let (site, days) = (&entry.reading.site_id, Day::of(entry.reading.timestamp.instant()));
        let days = BTreeSet::from([days]);
        if !decision.removed.is_empty() {
            self.invalidate(site, &days).await?;
        }
        let replaced = self.replace(deduplication, entry, found, decision).await?;
        if replaced != Value::Int(CHANGED_MEANWHILE) {
            self.remember(deduplication, &decision.forgotten(entry)).await?;
            if !decision.removed.is_empty() {
                self.invalidate(site, &days).await?;
            }
        }
        Ok(replaced)
    }

    async fn replace(
        &self,
        deduplication: &Deduplication,
        entry: &StreamEntry,
        found: &Found<'_>,
        decision: &Decision,
    ) -> StoreResult<Value> {
        let reading = &entry.reading;
        let site = &reading.site_id;
        let mut script = REPLACE.key(keys::series(site));
        let (can_be_packed, has_all_keys) = (keys::can_be_packed(site), deduplication.has_all_keys);
        if can_be_packed {
            script.key(keys::days(site)).key(keys::packed(site));
        }
        if has_all_keys {
            script.key(keys::rollups(site)).key(&deduplication.deleted_ids);
        }
        script.arg(&places(can_be_packed, has_all_keys)).arg(keys::ROLLUP_GENERATION);
        script.arg(keys::DAYS_VERSION).arg(keys::PACKING_LEASE).arg(codec::score(entry));
        script.arg(Day::of(reading.timestamp.instant()).number()).arg(entry.id.to_string());
        found.add_to(&mut script);
        let removed: Vec<_> = decision.removed.iter().map(|(_, it)| it.as_slice()).collect();
        let ids = decision.forgotten(entry);
        script.arg(found.members.len()).arg(removed.len()).arg(ids.len());
        for member in found.members.iter().map(Vec::as_slice).chain(removed) {
            script.arg(member);
        }
        for id in ids {
            script.arg(id.to_string());
        }
        if decision.is_kept {
            script.arg(codec::member(entry));
        }
        self.connection().eval(ZADD, &script).await
    }
}

/// What an entry was compared with.
struct Found<'a> {
    /// The hot members of its score.
    members: &'a [Vec<u8>],
    day: &'a PackedDay,
    /// The day without the packed members that are not kept, if there are any.
    new_day: Option<NewDay>,
}

impl Found<'_> {
    /// Adds the header that is expected, and the new header and value.
    fn add_to(&self, script: &mut ScriptInvocation<'_>) {
        let bytes = |header: &DayHeader| header.to_bytes();
        script.arg(self.day.header.as_ref().map(bytes).unwrap_or_default());
        let new_day = self.new_day.as_ref();
        script.arg(new_day.map(|day| day.header.to_bytes()).unwrap_or_default());
        script.arg(new_day.and_then(|day| day.value.as_deref()).unwrap_or_default());
    }
}

/// The places of the keys of the days, of packed days, of the rollups and of the deleted ids.
const fn places(can_be_packed: bool, has_all_keys: bool) -> [usize; 4] {
    match (can_be_packed, has_all_keys) {
        (true, true) => [2, 3, 4, 5],
        (true, false) => [2, 3, NO_KEY, NO_KEY],
        (false, true) => [NO_KEY, NO_KEY, 2, 3],
        (false, false) => [NO_KEY; 4],
    }
}

/// The members of both tiers, each once.
fn union(hot: &[Vec<u8>], packed: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let packed = packed.into_iter().filter(|member| !hot.contains(member));
    hot.iter().cloned().chain(packed).collect()
}
