//! Reads pages of a site's sorted set, in either order, each with the version of the site's days after it.

use std::sync::LazyLock;

use redis::{Cmd, Pipeline, Script, Value, cmd};

use super::scored_member::{ScoredMember, is_after};
use super::scores::Scores;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::series::selection::Order;

/// The page beyond a member. By rank, but the rank of the member is read each time, in one atomic step:
/// insertions and deletions between two pages shift ranks, and a page neither repeats nor skips readings
/// because of them. With a second key it gives the version of the days, too.
static PAGE_BEYOND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local version = KEYS[2] and redis.call('HGET', KEYS[2], ARGV[4]) or false
         local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
         if not rank then return {version, false} end
         if ARGV[3] == 'asc' then
             return {version, redis.call('ZRANGE', KEYS[1], rank + 1, rank + ARGV[2], 'WITHSCORES')}
         end
         if rank == 0 then return {version, {}} end
         return {version, redis.call('ZRANGE', KEYS[1], math.max(0, rank - ARGV[2]), rank - 1, 'WITHSCORES')}",
    )
});

const EVALSHA: &str = "EVALSHA";
const HGET: &str = "HGET";
const ZRANGE: &str = "ZRANGE";

/// The sorted set of a site.
#[derive(Debug)]
pub(super) struct HotPages {
    connection: SharedConnection,
    series: String,
    /// The days of the site; `None` where none can be packed.
    days: Option<String>,
    order: Order,
    page_size: usize,
}

/// A page of a range.
#[derive(Debug)]
pub(super) struct HotPage {
    pub members: Vec<ScoredMember>,
    /// Whether the range has no members after it.
    pub is_last: bool,
    /// The version of the site's days after the page was read.
    pub version: Option<Vec<u8>>,
}

impl HotPages {
    pub fn new(
        connection: SharedConnection,
        site: &SiteId,
        order: Order,
        page_size: usize,
    ) -> Self {
        let days = keys::can_be_packed(site).then(|| keys::days(site));
        Self { connection, series: keys::series(site), days, order, page_size }
    }

    /// The next members of a range, after this one if it is in the range.
    pub async fn read(&self, range: Scores, last: Option<&ScoredMember>) -> StoreResult<HotPage> {
        let last = last.filter(|(score, _)| range.contains(*score));
        let (mut members, version) = match last {
            Some(last) => self.beyond(range, last).await?,
            None => self.by_score(range, None).await?,
        };
        let read = members.len();
        // By rank there may be members beyond the range.
        members.truncate(members.partition_point(|(score, _)| range.contains(*score)));
        let is_last = read < self.page_size || members.len() < read;
        Ok(HotPage { members, is_last, version })
    }

    async fn beyond(
        &self,
        range: Scores,
        last: &ScoredMember,
    ) -> StoreResult<(Vec<ScoredMember>, Option<Vec<u8>>)> {
        let is_ascending = self.order == Order::Ascending;
        let mut script = PAGE_BEYOND.key(&self.series);
        if let Some(days) = &self.days {
            script.key(days);
        }
        script.arg(&last.1).arg(self.page_size).arg(if is_ascending { "asc" } else { "desc" });
        script.arg(keys::DAYS_VERSION);
        let reply = reply::array(self.connection.eval(EVALSHA, &script).await?);
        let [version, members] = reply
            .and_then(|reply| <[Value; 2]>::try_from(reply).ok())
            .ok_or_else(|| self.connection.unexpected_reply(EVALSHA))?;
        if matches!(members, Value::Nil | Value::Boolean(false)) {
            // It was deleted meanwhile, or is of another tier.
            return self.by_score(range, Some(last)).await;
        }
        let mut members = self.scored_members(EVALSHA, members)?;
        if !is_ascending {
            members.reverse();
        }
        Ok((members, reply::bytes(version)))
    }

    /// The page from the last score on, without the members that sort before the last one.
    async fn by_score(
        &self,
        range: Scores,
        last: Option<&ScoredMember>,
    ) -> StoreResult<(Vec<ScoredMember>, Option<Vec<u8>>)> {
        let (mut members, mut offset) = (Vec::new(), 0);
        let from = last.map_or(range, |(score, _)| range.from(*score, self.order));
        // Many members may have the same score and sort before it, so one range may give too few.
        let version = loop {
            let (found, version) = self.at(from, offset).await?;
            offset += found.len();
            let is_complete = found.len() < self.page_size;
            members.extend(found.into_iter().filter(|it| is_after(it, last, self.order)));
            if is_complete || members.len() >= self.page_size {
                break version;
            }
        };
        members.truncate(self.page_size);
        Ok((members, version))
    }

    async fn at(
        &self,
        range: Scores,
        offset: usize,
    ) -> StoreResult<(Vec<ScoredMember>, Option<Vec<u8>>)> {
        let mut page = cmd(ZRANGE);
        let [near, far] = range.arguments(self.order);
        page.arg(&self.series).arg(near).arg(far).arg("BYSCORE");
        if self.order == Order::Descending {
            page.arg("REV");
        }
        page.arg("LIMIT").arg(offset).arg(self.page_size).arg("WITHSCORES");
        let (members, version) = self.with_version(page).await?;
        Ok((self.scored_members(ZRANGE, members)?, version))
    }

    /// The reply to a command, and the version of the days after it.
    async fn with_version(&self, command: Cmd) -> StoreResult<(Value, Option<Vec<u8>>)> {
        let Some(days) = &self.days else {
            return Ok((self.connection.send(ZRANGE, &command).await?, None));
        };
        let mut version = cmd(HGET);
        version.arg(days).arg(keys::DAYS_VERSION);
        if self.connection.is_cluster() {
            // While a slot is moved to another node, commands of one pipeline may be executed in another order.
            let reply = self.connection.send(ZRANGE, &command).await?;
            let version = self.connection.send(HGET, &version).await?;
            return Ok((reply, reply::bytes(version)));
        }
        let mut both = Pipeline::with_capacity(2);
        both.add_command(command).add_command(version);
        let (replies, _) = self.connection.send_all(ZRANGE, &both).await?;
        let [reply, version] =
            <[_; 2]>::try_from(replies).map_err(|_| self.connection.unexpected_reply(ZRANGE))?;
        Ok((reply?, reply::bytes(version?)))
    }

    fn scored_members(
        &self,
        operation: &'static str,
        reply: Value,
    ) -> StoreResult<Vec<ScoredMember>> {
        reply::scored_members(reply).ok_or_else(|| self.connection.unexpected_reply(operation))
    }
}
