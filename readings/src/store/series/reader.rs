//! A site's readings: a sorted set, scored by the instant.

use std::collections::VecDeque;
use std::sync::LazyLock;

use redis::{Cmd, Script, Value, cmd};

use super::order::InstantOrder;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::SharedConnection;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::keys;

/// Members that one page brings. Too low and an export spends its time on round trips; too high and
/// Redis serves nobody else for that long (about a microsecond a member), and an export holds more
/// memory.
const PAGE_SIZE: usize = 2_000;

/// The page after a member. By rank, but found anew from the member each time, in one atomic step:
/// inserts and deletions between pages shift ranks, and neither repeat nor skip anything.
static PAGE_AFTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
         if not rank then return false end
         return redis.call('ZRANGE', KEYS[1], rank + 1, rank + ARGV[2], 'WITHSCORES')",
    )
});

/// The sorted sets of all sites, over a connection that others may share.
#[derive(Debug, Clone)]
pub struct SeriesStore {
    connection: SharedConnection,
}

impl SeriesStore {
    /// The sorted sets that a connection reaches.
    #[must_use]
    pub const fn new(connection: SharedConnection) -> Self {
        Self { connection }
    }

    pub(super) const fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    /// Removes readings of one site (`ZREM`).
    ///
    /// # Errors
    /// When the server did not answer or refused; they can be removed again.
    pub async fn remove(&self, site: &SiteId, entries: &[StreamEntry]) -> StoreResult<()> {
        const ZREM: &str = "ZREM";
        let mut command = cmd(ZREM);
        command.arg(keys::series(site));
        for entry in entries {
            command.arg(codec::member(entry));
        }
        self.connection.send(ZREM, &command).await.map(drop)
    }

    /// Removes a site's readings that were taken before an instant (`ZREMRANGEBYSCORE`); says how
    /// many.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn remove_before(&self, site: &SiteId, before: Instant) -> StoreResult<u64> {
        const ZREMRANGEBYSCORE: &str = "ZREMRANGEBYSCORE";
        let mut command = cmd(ZREMRANGEBYSCORE);
        let bound = format!("({}", before.epoch_seconds());
        command.arg(keys::series(site)).arg("-inf").arg(bound);
        let reply = self.connection.send(ZREMRANGEBYSCORE, &command).await?;
        reply::integer(&reply).ok_or_else(|| self.connection.unexpected_reply(ZREMRANGEBYSCORE))
    }

    /// Reads all of a site's readings, page by page.
    #[must_use]
    pub fn read(&self, site: &SiteId) -> SeriesReader {
        SeriesReader {
            connection: self.connection.clone(),
            key: keys::series(site),
            last: None,
            order: InstantOrder::default(),
            ended: false,
        }
    }
}

/// Reads one site's readings in their order, with the memory of one page however many there are.
#[derive(Debug)]
pub struct SeriesReader {
    connection: SharedConnection,
    key: String,
    last: Option<ScoredMember>,
    order: InstantOrder,
    ended: bool,
}

/// A member with its score.
type ScoredMember = (f64, Vec<u8>);

/// Members that can be served, and how many could not.
#[derive(Debug, Default)]
pub struct Page {
    /// JSON objects, each a reading.
    pub members: Vec<Vec<u8>>,
    /// How many members are no readings.
    pub unreadable: usize,
}

impl SeriesReader {
    /// The next readings, oldest first; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// When the server did not answer; the same page can be asked for again.
    pub async fn next_page(&mut self) -> StoreResult<Option<Page>> {
        if self.ended {
            return Ok(None);
        }
        let members = self.fetch().await?;
        self.ended = members.len() < PAGE_SIZE;
        self.last = members.last().cloned().or(self.last.take());
        let mut page = Page::default();
        for (score, member) in members {
            self.order.push(score, member, &mut page);
        }
        if self.ended {
            self.order.finish(&mut page);
        }
        Ok(Some(page))
    }

    /// Whether the last page has been read.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    async fn fetch(&self) -> StoreResult<Vec<ScoredMember>> {
        let Some(last) = &self.last else {
            let mut command = cmd("ZRANGE");
            command.arg(&self.key).arg(0).arg(PAGE_SIZE - 1).arg("WITHSCORES");
            return self.range(&command).await;
        };
        let mut script = PAGE_AFTER.key(&self.key);
        script.arg(&last.1).arg(PAGE_SIZE);
        match self.connection.run(EVALSHA, &script).await? {
            Value::Nil | Value::Boolean(false) => self.fetch_after_deleted(last).await,
            members => self.scored_members(EVALSHA, members),
        }
    }

    /// The page after a member that is gone: from its score on, without what sorts before it.
    async fn fetch_after_deleted(&self, last: &ScoredMember) -> StoreResult<Vec<ScoredMember>> {
        let mut members = VecDeque::new();
        let mut offset = 0;
        while members.len() < PAGE_SIZE {
            let mut command = cmd("ZRANGE");
            command.arg(&self.key).arg(last.0).arg("+inf").arg("BYSCORE");
            command.arg("LIMIT").arg(offset).arg(PAGE_SIZE).arg("WITHSCORES");
            let found = self.range(&command).await?;
            offset += found.len();
            let complete = found.len() < PAGE_SIZE;
            members.extend(found.into_iter().filter(|(score, member)| {
                score.total_cmp(&last.0).then_with(|| member.cmp(&last.1)).is_gt()
            }));
            if complete {
                break;
            }
        }
        members.truncate(PAGE_SIZE);
        Ok(members.into())
    }

    async fn range(&self, command: &Cmd) -> StoreResult<Vec<ScoredMember>> {
        self.scored_members("ZRANGE", self.connection.send("ZRANGE", command).await?)
    }

    fn scored_members(
        &self,
        operation: &'static str,
        reply: Value,
    ) -> StoreResult<Vec<ScoredMember>> {
        reply::scored_members(reply).ok_or_else(|| self.connection.unexpected_reply(operation))
    }
}

const EVALSHA: &str = "EVALSHA";
