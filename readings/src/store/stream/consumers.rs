//! The consumers of the group: signs of life, and what happens to those that are gone.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, Value, cmd};

use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::StreamId;
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// An id after every entry, but not the last one there can be, which Redis takes for `>`.
const AFTER_ALL: &str = "18446744073709551615-18446744073709551614";

/// An idle time that is above every `CLAIM_MIN_IDLE_MS`: whoever looks next takes the entry over.
const ANYBODYS: Duration = Duration::from_hours(24);

/// Entries that are handed over with one command.
const HAND_OVER_COUNT: usize = 1_000;

/// Deletes consumers that have nothing pending and have been idle, all or one by name. In one atomic
/// step: what `XGROUP DELCONSUMER` finds pending it throws away.
static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local forgotten = {}
         for _, described in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
             local consumer = {}
             for i = 1, #described, 2 do consumer[described[i]] = described[i + 1] end
             local meant = ARGV[3] == '' or ARGV[3] == consumer.name
             if meant and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
                 redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
                 forgotten[#forgotten + 1] = consumer.name
             end
         end
         return forgotten",
    )
});

/// Of these entries, those that are not pending for a consumer, in three lists: pending for another, for
/// nobody, and for nobody and not in the stream either. Without a group nothing is pending.
static NOT_OWNED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local taken, unheld, gone = {}, {}, {}
         for i = 3, #ARGV do
             local id = ARGV[i]
             local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], id, id, 1)
             local holder = pending[1] and pending[1][2]
             if holder and holder ~= ARGV[2] then
                 taken[#taken + 1] = id
             elseif not holder then
                 local there = #redis.call('XRANGE', KEYS[1], id, id) > 0
                 local list = there and unheld or gone
                 list[#list + 1] = id
             end
         end
         return {taken, unheld, gone}",
    )
});

/// Which entries are not, or not certainly, a consumer's to store.
#[derive(Debug, Default)]
pub struct Ownership {
    /// Another consumer has taken these over; what becomes of them is its business.
    pub taken: HashSet<StreamId>,
    /// These are pending for nobody, but in the stream: another has finished with them, the group was
    /// made anew, or somebody deleted the consumer they were pending for.
    pub unheld: HashSet<StreamId>,
    /// These are pending for nobody, and not in the stream: another has finished with them and they
    /// were trimmed, or Redis has lost them, and what is in memory here is the only copy.
    pub gone: HashSet<StreamId>,
}

impl ReadingStream {
    /// Shows that a consumer is alive, without reading anything: Redis 7.0 does not count reads that
    /// find nothing.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn heartbeat(&self, consumer: &str) -> StoreResult<()> {
        let mut command = cmd("XREADGROUP");
        command.arg("GROUP").arg(self.keys().group()).arg(consumer).arg("COUNT").arg(1);
        command.arg("STREAMS").arg(self.keys().stream()).arg(AFTER_ALL);
        self.connection().send("XREADGROUP heartbeat", &command).await.map(drop)
    }

    /// Deletes consumers that have had no sign of life for `idle` and have nothing pending; gives
    /// their names.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn forget_idle_consumers(&self, idle: Duration) -> StoreResult<Vec<String>> {
        self.forget(idle, "").await
    }

    /// Deletes a consumer if it has nothing pending; says whether it did.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn forget_consumer(&self, consumer: &str) -> StoreResult<bool> {
        Ok(!self.forget(Duration::ZERO, consumer).await?.is_empty())
    }

    async fn forget(&self, idle: Duration, only: &str) -> StoreResult<Vec<String>> {
        const OPERATION: &str = "XGROUP DELCONSUMER";
        let mut script = FORGET.key(self.keys().stream());
        script.arg(self.keys().group()).arg(milliseconds(idle)).arg(only);
        let reply = self.connection().run(OPERATION, &script).await?;
        let names =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        Ok(names.into_iter().filter_map(reply::text).collect())
    }

    /// Lets whoever looks next take over all that is pending for a consumer; says how many entries
    /// that are.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn hand_over(&self, consumer: &str) -> StoreResult<usize> {
        let mut handed_over = 0;
        let mut after = None;
        loop {
            let ids = self.pending_of(consumer, after, HAND_OVER_COUNT).await?;
            let Some(&last) = ids.last() else { return Ok(handed_over) };
            let mut command = cmd("XCLAIM");
            command.arg(self.keys().stream()).arg(self.keys().group()).arg(consumer).arg(0);
            for id in &ids {
                command.arg(id.to_string());
            }
            command.arg("IDLE").arg(milliseconds(ANYBODYS)).arg("JUSTID");
            self.connection().send("XCLAIM", &command).await?;
            handed_over += ids.len();
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

    /// Asks which of these entries are no longer this consumer's to store.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn ownership(&self, consumer: &str, ids: &[StreamId]) -> StoreResult<Ownership> {
        const OPERATION: &str = "XPENDING ownership";
        let mut script = NOT_OWNED.key(self.keys().stream());
        script.arg(self.keys().group()).arg(consumer);
        for id in ids {
            script.arg(id.to_string());
        }
        let reply = self.connection().run(OPERATION, &script).await?;
        ownership(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
    }
}

fn ownership(reply: Value) -> Option<Ownership> {
    let ids = |list| -> Option<HashSet<_>> {
        reply::array(list)?.into_iter().map(reply::stream_id).collect()
    };
    let [taken, unheld, gone] = <[Value; 3]>::try_from(reply::array(reply)?).ok()?;
    Some(Ownership { taken: ids(taken)?, unheld: ids(unheld)?, gone: ids(gone)? })
}
