//! The consumers of the group: heartbeat, ownership of entries, hand-over and deletion.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, Value, cmd};

use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

/// An id above every entry, but not the largest one, which Redis interprets as `>`.
const MAX_ENTRY_ID: &str = "18446744073709551615-18446744073709551614";

/// An idle time with which an entry is claimed by the next consumer that claims. Too low (below its
/// `CLAIM_MIN_IDLE_MS`) and it waits until its idle time has grown to that.
pub(super) const CLAIMABLE_NOW_IDLE: Duration = Duration::from_hours(24);

/// Entries that are released with one command. Too low and a hand-over takes many round trips; too high
/// and Redis serves no other client meanwhile.
const RELEASE_PAGE: usize = 1_000;

/// Deletes consumers without pending entries that have been idle, all or one by name. In one atomic step:
/// `XGROUP DELCONSUMER` also drops pending entries, so none must be delivered in between.
static DELETE_IDLE_CONSUMERS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local deleted = {}
         for _, described in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
             local consumer = {}
             for i = 1, #described, 2 do consumer[described[i]] = described[i + 1] end
             local selected = ARGV[3] == '' or ARGV[3] == consumer.name
             if selected and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
                 redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
                 deleted[#deleted + 1] = consumer.name
             end
         end
         return deleted",
    )
});

/// Of these ids, those that are not pending for a consumer, in three lists: pending for another one, not
/// pending, and not pending and not in the stream. Without a group no entry is pending.
static CHECK_OWNERSHIP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local claimed, not_pending, deleted = {}, {}, {}
         for i = 3, #ARGV do
             local id = ARGV[i]
             local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], id, id, 1)
             local owner = pending[1] and pending[1][2]
             if owner and owner ~= ARGV[2] then
                 claimed[#claimed + 1] = id
             elseif not owner then
                 local exists = #redis.call('XRANGE', KEYS[1], id, id) > 0
                 local list = exists and not_pending or deleted
                 list[#list + 1] = id
             end
         end
         return {claimed, not_pending, deleted}",
    )
});

/// Entries that a consumer must not store, or perhaps not. Entries in none of the lists are pending for
/// it.
#[derive(Debug, Default)]
pub struct Ownership {
    /// Claimed by another consumer, which stores and acknowledges them.
    pub claimed_by_other: HashSet<StreamId>,
    /// Not pending, but in the stream: acknowledged by another consumer, or the group was created again,
    /// or the consumer that they were pending for was deleted.
    pub not_pending: HashSet<StreamId>,
    /// Not pending and not in the stream: acknowledged by another consumer and trimmed, or lost by Redis,
    /// and this process has the only copy.
    pub deleted: HashSet<StreamId>,
}

impl ReadingStream {
    /// Resets a consumer's idle time without reading entries: Redis 7.0 does not count reads without a
    /// result.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn heartbeat(&self, consumer: &str) -> StoreResult<()> {
        let mut command = cmd("XREADGROUP");
        command.arg("GROUP").arg(self.keys().group()).arg(consumer).arg("COUNT").arg(1);
        command.arg("STREAMS").arg(self.keys().stream()).arg(MAX_ENTRY_ID);
        self.connection().send("XREADGROUP heartbeat", &command).await.map(drop)
    }

    /// Deletes the consumers without pending entries that have been idle for `idle`; gives their names.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn delete_idle_consumers(&self, idle: Duration) -> StoreResult<Vec<String>> {
        self.delete_consumers(idle, "").await
    }

    /// Deletes a consumer if it has no pending entries; returns whether it did.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn delete_consumer(&self, consumer: &str) -> StoreResult<bool> {
        Ok(!self.delete_consumers(Duration::ZERO, consumer).await?.is_empty())
    }

    async fn delete_consumers(&self, idle: Duration, only: &str) -> StoreResult<Vec<String>> {
        const OPERATION: &str = "XGROUP DELCONSUMER";
        let mut script = DELETE_IDLE_CONSUMERS.key(self.keys().stream());
        script.arg(self.keys().group()).arg(milliseconds(idle)).arg(only);
        let reply = self.connection().eval(OPERATION, &script).await?;
        let names =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        Ok(names.into_iter().filter_map(reply::text).collect())
    }

    /// Lets other consumers claim the pending entries of a consumer at once; gives their number.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn release_pending(&self, consumer: &str) -> StoreResult<usize> {
        let mut released = 0;
        let mut after = None;
        loop {
            let ids = self.pending_of(consumer, after, RELEASE_PAGE).await?;
            let Some(&last) = ids.last() else { return Ok(released) };
            // The consumer claims its own entries, with another idle time.
            let mut command = cmd("XCLAIM");
            command.arg(self.keys().stream()).arg(self.keys().group()).arg(consumer).arg(0);
            for id in &ids {
                command.arg(id.to_string());
            }
            command.arg("IDLE").arg(milliseconds(CLAIMABLE_NOW_IDLE)).arg("JUSTID");
            self.connection().send("XCLAIM", &command).await?;
            released += ids.len();
            after = Some(last);
        }
    }

    async fn pending_of(
        &self,
        consumer: &str,
        after: Option<StreamId>,
        count: usize,
    ) -> StoreResult<Vec<StreamId>> {
        const XPENDING: &str = "XPENDING";
        let start = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        let mut command = cmd(XPENDING);
        command.arg(self.keys().stream()).arg(self.keys().group());
        command.arg(start).arg("+").arg(count).arg(consumer);
        let reply = self.connection().send(XPENDING, &command).await?;
        let id = |entry| reply::stream_id(reply::array(entry)?.into_iter().next()?);
        let ids = reply::array(reply).and_then(|entries| entries.into_iter().map(id).collect());
        ids.ok_or_else(|| self.connection().unexpected_reply(XPENDING))
    }

    /// Classifies the ids that a consumer no longer owns: claimed by another consumer, not pending, or
    /// not pending and deleted from the stream.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn ownership(&self, consumer: &str, ids: &[StreamId]) -> StoreResult<Ownership> {
        const OPERATION: &str = "XPENDING ownership";
        let mut script = CHECK_OWNERSHIP.key(self.keys().stream());
        script.arg(self.keys().group()).arg(consumer);
        for id in ids {
            script.arg(id.to_string());
        }
        let reply = self.connection().eval(OPERATION, &script).await?;
        ownership(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
    }
}

fn ownership(reply: Value) -> Option<Ownership> {
    let ids = |list| -> Option<HashSet<_>> {
        reply::array(list)?.into_iter().map(reply::stream_id).collect()
    };
    let [claimed, not_pending, deleted] = <[Value; 3]>::try_from(reply::array(reply)?).ok()?;
    Some(Ownership {
        claimed_by_other: ids(claimed)?,
        not_pending: ids(not_pending)?,
        deleted: ids(deleted)?,
    })
}
