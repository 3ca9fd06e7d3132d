//! The members of a site that are in its sorted set, by their days.

use redis::{Cmd, Value, cmd};

use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::{StoreError, StoreResult};
use crate::store::keys;

const ZRANGE: &str = "ZRANGE";
const ZCOUNT: &str = "ZCOUNT";

/// The most members of one page. Too low and a day takes many round trips; too high and Redis serves no other client
/// meanwhile (about a microsecond a member).
const PAGE: usize = 500;

/// A member with its score.
pub(super) type ScoredMember = (f64, Vec<u8>);

/// The sorted set of a site.
#[derive(Debug, Clone, Copy)]
pub(super) struct HotMembers<'a> {
    pub connection: &'a SharedConnection,
    pub site: &'a SiteId,
}

impl HotMembers<'_> {
    /// The members of a day; `None` where they have more bytes than these. A member that is added meanwhile may be
    /// missing.
    pub async fn of_day(
        &self,
        day: Day,
        max_bytes: usize,
    ) -> StoreResult<Option<Vec<ScoredMember>>> {
        let (mut members, mut bytes) = (Vec::new(), 0);
        loop {
            let page = self.page(day, &members).await?;
            let is_last = page.len() < PAGE;
            bytes += page.iter().map(|(_, member)| member.len() + 1).sum::<usize>();
            if bytes > max_bytes {
                return Ok(None);
            }
            members.extend(page);
            if is_last {
                return Ok(Some(members));
            }
        }
    }

    /// The members of a day after these: from the score of the last on, without those of this score.
    async fn page(&self, day: Day, before: &[ScoredMember]) -> StoreResult<Vec<ScoredMember>> {
        let start = before.last().map_or_else(|| lower(day), |(score, _)| score.to_string());
        let last = before.last().map(|(score, _)| *score);
        let is_of_last = |(score, _): &&ScoredMember| Some(*score) == last;
        let offset = before.iter().rev().take_while(is_of_last).count();
        let mut command = cmd(ZRANGE);
        command.arg(keys::series(self.site)).arg(start).arg(below(day.next())).arg("BYSCORE");
        command.arg("LIMIT").arg(offset).arg(PAGE).arg("WITHSCORES");
        self.members(&command).await
    }

    /// The day of the first member from a day on and before another.
    pub async fn first_day(&self, from: Day, until: Day) -> StoreResult<Option<Day>> {
        let mut command = cmd(ZRANGE);
        command.arg(keys::series(self.site)).arg(lower(from)).arg(below(until)).arg("BYSCORE");
        command.arg("LIMIT").arg(0).arg(1).arg("WITHSCORES");
        let first = self.members(&command).await?;
        Ok(first.first().map(|(score, _)| day_of(*score)))
    }

    /// How many there are from a day on and before another.
    pub async fn count(&self, from: Day, until: Day) -> StoreResult<u64> {
        let mut command = cmd(ZCOUNT);
        command.arg(keys::series(self.site)).arg(lower(from)).arg(below(until));
        let count = self.connection.send(ZCOUNT, &command).await?;
        reply::integer(&count).ok_or_else(|| self.connection.unexpected_reply(ZCOUNT))
    }

    async fn members(&self, command: &Cmd) -> StoreResult<Vec<ScoredMember>> {
        let members = self.connection.send(ZRANGE, command).await?;
        reply::scored_members(members).ok_or_else(|| self.connection.unexpected_reply(ZRANGE))
    }
}

/// Asks for the number of members before a day.
pub(super) fn count_before(site: &SiteId, until: Day) -> Cmd {
    let mut command = cmd(ZCOUNT);
    command.arg(keys::series(site)).arg("-inf").arg(below(until));
    command
}

/// Asks for the last member that is not later than an instant.
pub(super) fn last_until(site: &SiteId, now: Instant) -> Cmd {
    let mut command = cmd(ZRANGE);
    command.arg(keys::series(site)).arg(now.epoch_seconds()).arg("-inf").arg("BYSCORE").arg("REV");
    command.arg("LIMIT").arg(0).arg(1).arg("WITHSCORES");
    command
}

/// The day of the member in the reply to [`last_until`], if there is one.
///
/// # Errors
/// When the reply is of another shape.
pub(super) fn last_day(
    reply: Value,
    unexpected: impl FnOnce() -> StoreError,
) -> StoreResult<Option<Day>> {
    let members = reply::scored_members(reply).ok_or_else(unexpected)?;
    Ok(members.first().map(|(score, _)| day_of(*score)))
}

fn lower(day: Day) -> String {
    day.start().epoch_seconds().to_string()
}

fn below(day: Day) -> String {
    format!("({}", day.start().epoch_seconds())
}

#[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the limit")]
fn day_of(score: f64) -> Day {
    const DAY_SECONDS: f64 = 86_400.0;
    Day::from_number((score / DAY_SECONDS).floor() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_of_the_day_in_whose_bounds_it_is() {
        for (score, day) in [(0.0, 0), (86_399.999_999, 0), (86_400.0, 1), (-0.000_001, -1)] {
            assert_eq!(day_of(score), Day::from_number(day), "{score}");
        }
        assert_eq!(lower(Day::from_number(1)), "86400");
        assert_eq!(below(Day::from_number(-1)), "(-86400");
    }
}
