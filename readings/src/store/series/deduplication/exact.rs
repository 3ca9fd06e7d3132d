//! Readings whose instants only a parser can compare: in centuries in which scores are rounded.

use std::sync::LazyLock;

use redis::{Script, Value, cmd};

use super::outcome::SiteOutcome;
use super::policy::{DedupPolicy, Deduplication};
use crate::energy::rollup::Day;
use crate::store::codec::{self, StoredReading, StreamEntry};
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::series::series_store::SeriesStore;
use crate::store::stream_id::StreamId;

const ZADD: &str = "ZADD";
const ZRANGE: &str = "ZRANGE";

/// Adds and removes members of one score, unless there are others than were read, or the entry is deleted. Keys: the
/// readings, the rollups, the deleted ids. Arguments: the score, the field of the rollup generation, the day, the id of
/// the entry, the numbers of members that were read, that are removed and of ids that become deleted ones, the members
/// and ids, and the new member, if it is kept.
static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local read, removed, ids = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
         if redis.call('ZMSCORE', KEYS[3], ARGV[4])[1] then return 2 end
         local members = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[1], 'BYSCORE')
         if #members ~= read then return 0 end
         for i, member in ipairs(members) do
             if member ~= ARGV[7 + i] then return 0 end
         end
         local first_removed = 8 + read
         local first_id = first_removed + removed
         local new = ARGV[first_id + ids]
         if new then redis.call('ZADD', KEYS[1], ARGV[1], new) end
         for i = first_id, first_id + ids - 1 do
             redis.call('ZADD', KEYS[3], string.match(ARGV[i], '^%d+'), ARGV[i])
         end
         for i = first_removed, first_id - 1 do redis.call('ZREM', KEYS[1], ARGV[i]) end
         if removed > 0 then
             redis.call('HDEL', KEYS[2], ARGV[3])
             redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
         end
         return 1",
    )
});

/// Reply of the script: other members were stored or removed meanwhile, and nothing was changed.
const CHANGED_MEANWHILE: i64 = 0;

/// Reply of the script: the entry is deleted, and nothing was changed.
const DELETED: i64 = 2;

/// Which members remain.
#[derive(Debug, Default, PartialEq, Eq)]
struct Decision {
    is_stored: bool,
    is_kept: bool,
    removed: Vec<(Option<StreamId>, Vec<u8>)>,
}

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
        for position in std::mem::take(&mut outcome.undecided) {
            if let Some(entry) = entries.get(position) {
                outcome.add(self.write_exactly(deduplication, entry).await?);
            }
        }
        Ok(())
    }

    async fn write_exactly(
        &self,
        deduplication: &Deduplication,
        entry: &StreamEntry,
    ) -> StoreResult<SiteOutcome> {
        loop {
            let members = self.members_of_score(entry).await?;
            let decision = decide(deduplication.policy, entry, &members);
            if decision.is_stored {
                return Ok(SiteOutcome::default());
            }
            match self.replace(deduplication, entry, &members, &decision).await? {
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

    async fn replace(
        &self,
        deduplication: &Deduplication,
        entry: &StreamEntry,
        members: &[Vec<u8>],
        decision: &Decision,
    ) -> StoreResult<Value> {
        let reading = &entry.reading;
        let mut script = REPLACE.key(keys::series(&reading.site_id));
        script.key(keys::rollups(&reading.site_id)).key(&deduplication.deleted_ids);
        script.arg(codec::score(entry)).arg(keys::ROLLUP_GENERATION);
        script.arg(Day::of(reading.timestamp.instant()).number()).arg(entry.id.to_string());
        let ids = decision.forgotten(entry);
        script.arg(members.len()).arg(decision.removed.len()).arg(ids.len());
        let removed = decision.removed.iter().map(|(_, member)| member);
        for member in members.iter().chain(removed) {
            script.arg(member.as_slice());
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

impl Decision {
    /// The ids that become deleted ids.
    fn forgotten(&self, entry: &StreamEntry) -> Vec<StreamId> {
        let dropped = (!self.is_kept).then_some(entry.id);
        self.removed.iter().filter_map(|(id, _)| *id).chain(dropped).collect()
    }

    fn outcome(self, entry: &StreamEntry) -> SiteOutcome {
        SiteOutcome {
            added: u64::from(self.is_kept),
            dropped: if self.is_kept { Vec::new() } else { vec![entry.id] },
            replaced: self.removed.into_iter().filter_map(|(id, _)| id).collect(),
            ..SiteOutcome::default()
        }
    }
}

/// Decides between an entry and the members of its score.
fn decide(policy: DedupPolicy, entry: &StreamEntry, members: &[Vec<u8>]) -> Decision {
    let same = |member: &Vec<u8>| {
        let stored = StoredReading::from_member(member).ok()?;
        let (instant, id) = stored.order();
        let is_same = stored.device_id() == entry.reading.device_id.as_str()
            && instant == Some(entry.reading.timestamp.instant());
        is_same.then(|| (id, member.clone()))
    };
    let mut same: Vec<_> = members.iter().filter_map(same).collect();
    if same.iter().any(|(id, _)| *id == Some(entry.id)) {
        return Decision { is_stored: true, ..Decision::default() };
    }
    let mut best = Some(entry.id);
    for (id, _) in &same {
        if policy.prefers(*id, best) {
            best = *id;
        }
    }
    let is_kept = best == Some(entry.id);
    // Of several that are not an entry's, the last in the order of their bytes remains.
    let remains = same.iter().rposition(|(id, _)| *id == best).filter(|_| !is_kept);
    if let Some(remains) = remains {
        same.remove(remains);
    }
    Decision { is_stored: false, is_kept, removed: same }
}
