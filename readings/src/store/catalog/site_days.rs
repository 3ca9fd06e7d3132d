//! The readings of sites outside of their sorted sets.

use std::collections::BTreeSet;

use redis::{Cmd, Value, cmd, pipe};

use super::ends::ScoredMember;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::packed::{DaysSummary, PackedDays, SiteDays};

/// Members of the sorted set, of days that are packed, that are compared with the packed ones, so that a reading that both
/// have counts once. Too low and a site with many late readings counts some twice until they are packed; too high and
/// Redis serves no other client while it copies them.
const MAX_COMPARED: usize = 5_000;

/// How often a site is counted again because its days have changed meanwhile. Too low and a site that is packed at present
/// has a count that is off; too high and its count takes long.
pub(super) const MAX_ATTEMPTS: usize = 20;

const ZCARD: &str = "ZCARD";

/// The number of members that the sorted set has of days until the last one that has a header (`ZCOUNT`): late ones, and
/// such as cannot be packed.
pub(super) fn late_members(site: &SiteId, summary: &DaysSummary) -> Cmd {
    let mut command = cmd("ZCOUNT");
    command.arg(keys::series(site)).arg("-inf").arg(before(summary.end()));
    command
}

/// The version of the days (`HGET`).
pub(super) fn version(site: &SiteId) -> Cmd {
    let mut command = cmd("HGET");
    command.arg(keys::days(site)).arg(keys::DAYS_VERSION);
    command
}

/// The scores before a day, as the upper bound of a range.
fn before(end: Day) -> String {
    format!("({}", end.start().epoch_seconds())
}

/// Counts the readings of one site in all tiers of Redis, each once.
#[derive(Debug)]
pub(super) struct ReadingCounter<'a> {
    pub connection: &'a SharedConnection,
    pub packed: &'a PackedDays,
    pub site: &'a SiteId,
}

impl ReadingCounter<'_> {
    /// The number; off while its days change again and again.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn count(&self) -> StoreResult<u64> {
        let mut count = 0;
        for _ in 0..MAX_ATTEMPTS {
            let days = self.packed.of_site(self.site).await?;
            let (hot, late) = self.hot(&days).await?;
            let repeated = self.repeated(&days, &late).await?;
            count = hot + days.members().saturating_sub(repeated);
            if self.packed.version(self.site).await? == days.version {
                break;
            }
        }
        Ok(count)
    }

    /// The number of members of the sorted set, and those of days that may have others.
    async fn hot(&self, days: &SiteDays) -> StoreResult<(u64, Vec<ScoredMember>)> {
        let end = days.summary().map_or(Day::from_number(i32::MIN), |summary| summary.end());
        let mut late = cmd("ZRANGE");
        late.arg(keys::series(self.site)).arg("-inf").arg(before(end)).arg("BYSCORE");
        late.arg("LIMIT").arg(0).arg(MAX_COMPARED).arg("WITHSCORES");
        let mut commands = pipe();
        commands.add_command(super::ends::count(self.site)).add_command(late);
        let (replies, _) = self.connection.send_all(ZCARD, &commands).await?;
        let replies = replies.into_iter().collect::<StoreResult<Vec<_>>>()?;
        let replies = <[Value; 2]>::try_from(replies);
        let parsed = replies.ok().and_then(|[count, late]| {
            Some((reply::integer(&count)?, reply::scored_members(late)?))
        });
        parsed.ok_or_else(|| self.connection.unexpected_reply(ZCARD))
    }

    /// How many of these members are packed as well.
    async fn repeated(&self, days: &SiteDays, late: &[ScoredMember]) -> StoreResult<u64> {
        let packed = |day: &Day| days.headers.get(day).is_some_and(|it| it.packed.count > 0);
        let of_days: BTreeSet<_> = late.iter().map(|(score, _)| day_of(*score)).collect();
        let of_days: Vec<_> = of_days.into_iter().filter(packed).collect();
        let hot: BTreeSet<_> = late.iter().map(|(_, member)| member.as_slice()).collect();
        let mut repeated = 0;
        // One value at a time: a day may have 64 MiB.
        for day in of_days {
            for (_, members) in self.packed.members(self.site, &[day]).await?.into_iter().flatten()
            {
                repeated += members.iter().filter(|member| hot.contains(member)).count() as u64;
            }
        }
        Ok(repeated)
    }
}

/// The day of a score in epoch seconds.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and no calendar has such days")]
pub(super) fn day_of(score: f64) -> Day {
    Day::from_number((score / 86_400.0).floor() as i32)
}
