//! Reads a site's readings page by page.

use std::collections::VecDeque;
use std::sync::LazyLock;

use redis::{Cmd, Script, Value, cmd};

use super::order::TieSorter;
use super::page::Page;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

/// Members of one page. Too low and a response spends its time on round trips; too high and Redis serves
/// no other client that long (about a microsecond a member), and a response holds more memory.
const PAGE_SIZE: usize = 2_000;

/// The page after a member. By rank, but the rank of the member is read each time, in one atomic step:
/// insertions and deletions between two pages shift ranks, and a page neither repeats nor skips readings
/// because of them.
static PAGE_AFTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
         if not rank then return false end
         return redis.call('ZRANGE', KEYS[1], rank + 1, rank + ARGV[2], 'WITHSCORES')",
    )
});

const EVALSHA: &str = "EVALSHA";
const ZRANGE: &str = "ZRANGE";

/// Reads one site's readings in their order, with the memory of one page however many there are.
#[derive(Debug)]
pub struct SeriesReader {
    connection: SharedConnection,
    key: String,
    last: Option<ScoredMember>,
    sorter: TieSorter,
    ended: bool,
}

/// A member with its score.
type ScoredMember = (f64, Vec<u8>);

impl SeriesReader {
    pub(super) fn new(connection: SharedConnection, site: &SiteId) -> Self {
        let key = keys::series(site);
        Self { connection, key, last: None, sorter: TieSorter::default(), ended: false }
    }

    /// The next readings, oldest first; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next_page(&mut self) -> StoreResult<Option<Page>> {
        if self.ended {
            return Ok(None);
        }
        let members = self.fetch().await?;
        self.ended = members.len() < PAGE_SIZE;
        // An empty page: the last member of the one before stays the position.
        self.last = members.last().cloned().or(self.last.take());
        let mut page = Page::default();
        for (score, member) in members {
            self.sorter.push(score, member, &mut page);
        }
        if self.ended {
            self.sorter.finish(&mut page);
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
            let mut command = cmd(ZRANGE);
            command.arg(&self.key).arg(0).arg(PAGE_SIZE - 1).arg("WITHSCORES");
            return self.range(&command).await;
        };
        let mut script = PAGE_AFTER.key(&self.key);
        script.arg(&last.1).arg(PAGE_SIZE);
        match self.connection.eval(EVALSHA, &script).await? {
            Value::Nil | Value::Boolean(false) => self.fetch_after_deleted(last).await,
            members => self.scored_members(EVALSHA, members),
        }
    }

    /// The page after a member that was deleted meanwhile: from its score on, without the members that
    /// sort before it.
    async fn fetch_after_deleted(&self, last: &ScoredMember) -> StoreResult<Vec<ScoredMember>> {
        let mut members = VecDeque::new();
        let mut offset = 0;
        // Many members may have the same score and sort before it, so one range may give too few.
        while members.len() < PAGE_SIZE {
            let mut command = cmd(ZRANGE);
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
        self.scored_members(ZRANGE, self.connection.send(ZRANGE, command).await?)
    }

    fn scored_members(
        &self,
        operation: &'static str,
        reply: Value,
    ) -> StoreResult<Vec<ScoredMember>> {
        reply::scored_members(reply).ok_or_else(|| self.connection.unexpected_reply(operation))
    }
}
