//! Reads the members of a site's sorted set page by page, in either order.

use std::sync::LazyLock;

use redis::{Script, Value, cmd};

use super::selection::Order;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

/// The most members of one page. Too low and a response spends its time on round trips; too high and Redis serves
/// no other client that long (about a microsecond a member), and a response holds more memory.
pub(super) const MAX_PAGE_SIZE: usize = 2_000;

/// The page beyond a member. By rank, but the rank of the member is read each time, in one atomic step:
/// insertions and deletions between two pages shift ranks, and a page neither repeats nor skips readings
/// because of them.
static PAGE_BEYOND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
         if not rank then return false end
         if ARGV[3] == 'asc' then
             return redis.call('ZRANGE', KEYS[1], rank + 1, rank + ARGV[2], 'WITHSCORES')
         end
         if rank == 0 then return {} end
         return redis.call('ZRANGE', KEYS[1], math.max(0, rank - ARGV[2]), rank - 1, 'WITHSCORES')",
    )
});

const EVALSHA: &str = "EVALSHA";
const ZRANGE: &str = "ZRANGE";

/// A member with its score.
pub(super) type ScoredMember = (f64, Vec<u8>);

/// The scores at which a range begins and ends in its order, as arguments of `ZRANGE`.
#[derive(Debug)]
pub(super) struct Bounds {
    pub near: String,
    pub far: String,
}

/// The members of one sorted set. The first page is within the bounds; later ones may have members beyond the far one.
#[derive(Debug)]
pub(super) struct MemberPages {
    connection: SharedConnection,
    key: String,
    order: Order,
    bounds: Bounds,
    page_size: usize,
    last: Option<ScoredMember>,
    ended: bool,
}

impl MemberPages {
    pub fn new(
        connection: SharedConnection,
        site: &SiteId,
        order: Order,
        bounds: Bounds,
        page_size: usize,
    ) -> Self {
        Self {
            connection,
            key: keys::series(site),
            order,
            bounds,
            page_size,
            last: None,
            ended: false,
        }
    }

    /// The next members; `None` after the last page.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next(&mut self) -> StoreResult<Option<Vec<ScoredMember>>> {
        if self.ended {
            return Ok(None);
        }
        let members = self.fetch().await?;
        self.ended = members.len() < self.page_size;
        // An empty page: the last member of the one before stays the position.
        self.last = members.last().cloned().or(self.last.take());
        Ok(Some(members))
    }

    /// No further page is read.
    pub const fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the last page has been read.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    async fn fetch(&self) -> StoreResult<Vec<ScoredMember>> {
        let Some((_, last)) = &self.last else { return self.fetch_by_score().await };
        let is_ascending = self.order == Order::Ascending;
        let mut script = PAGE_BEYOND.key(&self.key);
        script.arg(last).arg(self.page_size).arg(if is_ascending { "asc" } else { "desc" });
        let mut members = match self.connection.eval(EVALSHA, &script).await? {
            // It was deleted meanwhile.
            Value::Nil | Value::Boolean(false) => return self.fetch_by_score().await,
            members => self.scored_members(EVALSHA, members)?,
        };
        if !is_ascending {
            members.reverse();
        }
        Ok(members)
    }

    /// The page from the last score on, without the members that sort before the last one.
    async fn fetch_by_score(&self) -> StoreResult<Vec<ScoredMember>> {
        let mut members = Vec::new();
        let mut offset = 0;
        // Many members may have the same score and sort before it, so one range may give too few.
        while members.len() < self.page_size {
            let found = self.fetch_from(offset).await?;
            offset += found.len();
            let is_complete = found.len() < self.page_size;
            members.extend(found.into_iter().filter(|member| self.is_after_last(member)));
            if is_complete {
                break;
            }
        }
        members.truncate(self.page_size);
        Ok(members)
    }

    async fn fetch_from(&self, offset: usize) -> StoreResult<Vec<ScoredMember>> {
        let reached = self.last.as_ref().map(|(score, _)| score.to_string());
        let mut command = cmd(ZRANGE);
        command.arg(&self.key).arg(reached.as_ref().unwrap_or(&self.bounds.near));
        command.arg(&self.bounds.far).arg("BYSCORE");
        if self.order == Order::Descending {
            command.arg("REV");
        }
        command.arg("LIMIT").arg(offset).arg(self.page_size).arg("WITHSCORES");
        self.scored_members(ZRANGE, self.connection.send(ZRANGE, &command).await?)
    }

    fn is_after_last(&self, (score, member): &ScoredMember) -> bool {
        let Some(last) = &self.last else { return true };
        let ordering = score.total_cmp(&last.0).then_with(|| member.cmp(&last.1));
        if self.order == Order::Ascending { ordering.is_gt() } else { ordering.is_lt() }
    }

    fn scored_members(
        &self,
        operation: &'static str,
        reply: Value,
    ) -> StoreResult<Vec<ScoredMember>> {
        reply::scored_members(reply).ok_or_else(|| self.connection.unexpected_reply(operation))
    }
}
