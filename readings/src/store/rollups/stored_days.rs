//! The stored rollups of some days of a site, and which of them are valid.

use std::sync::Arc;

use redis::{Cmd, Value, cmd, pipe};

use super::day_cache::{CachedDays, DayCache, Version};
use crate::energy::rollup::{Day, DayRollup, decode};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::{Generation, SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

/// Rollups of one request. Too low and a year takes many round trips; too high and Redis serves no other client
/// while it copies those of a site with many devices (128 days of 20 devices are 8 MB).
const MAX_ROLLUPS: usize = 128;

/// Days of one request. Too low and a cached year takes several round trips; too high and Redis serves no other client
/// while it counts their members (0.6 us each).
const MAX_DAYS: usize = 512;

const HMGET: &str = "HMGET";
const ZCOUNT: &str = "ZCOUNT";

/// A day that has members.
#[derive(Debug)]
pub(super) struct StoredDay {
    pub day: Day,
    /// How many.
    pub members: u64,
    rollup: FoundRollup,
}

#[derive(Debug)]
enum FoundRollup {
    Missing,
    Stored(Vec<u8>),
    Cached(Arc<DayRollup>),
}

/// What there is of a day.
pub(super) enum DayState {
    /// A rollup of all its members.
    Valid(Arc<DayRollup>),
    /// A rollup of some of its members, or of more than it has.
    Stale(Arc<DayRollup>),
    /// Nothing.
    Missing,
}

impl StoredDay {
    /// Its rollup. A valid one that had to be decoded is added to `decoded`.
    pub fn state(&self, decoded: &mut Vec<Arc<DayRollup>>) -> DayState {
        let (rollup, is_cached) = match &self.rollup {
            FoundRollup::Missing => return DayState::Missing,
            FoundRollup::Cached(rollup) => (rollup.clone(), true),
            FoundRollup::Stored(bytes) => match decode(bytes, self.day) {
                Ok(rollup) => (Arc::new(rollup), false),
                Err(_) => return DayState::Missing,
            },
        };
        if !is_valid(&rollup, self.members) {
            return DayState::Stale(rollup);
        }
        if !is_cached {
            decoded.push(rollup.clone());
        }
        DayState::Valid(rollup)
    }
}

/// Some days of a site.
#[derive(Debug)]
pub(super) struct StoredDays {
    /// The generations, from before any member is read.
    pub version: Version,
    /// The days that have members, in their order.
    pub days: Vec<StoredDay>,
    /// The first later day that has members, up to the last that was asked for.
    pub next: Option<Day>,
}

/// Reads the rollups from one day on until another, which is excluded, or of the first of them, as many as one request
/// may have. Those that are cached are not read again.
pub(super) async fn read(
    connection: &SharedConnection,
    cache: &DayCache,
    site: &SiteId,
    from: Day,
    until: Day,
) -> StoreResult<StoredDays> {
    if let Some((version, cached)) = cache.days(site, from, until) {
        let stored = read_uncached(connection, site, [from, until], cached).await?;
        if stored.version == version {
            return Ok(stored);
        }
        cache.remove(site);
    }
    read_uncached(connection, site, [from, until], CachedDays::new()).await
}

async fn read_uncached(
    connection: &SharedConnection,
    site: &SiteId,
    [from, until]: [Day; 2],
    cached: CachedDays,
) -> StoreResult<StoredDays> {
    let days = days_of_a_request(from, until, &cached);
    let end = days.last().map_or(from, |day| day.next());
    let mut pipeline = pipe();
    pipeline.add_command(fields(site, days.iter().filter(|day| !cached.contains_key(day))));
    for day in &days {
        pipeline.add_command(count(site, day.start(), day.next().start()));
    }
    pipeline.add_command(first_member(site, end.start(), until.start()));
    let (replies, connected) = connection.send_all(HMGET, &pipeline).await?;
    let replies = replies.into_iter().collect::<StoreResult<Vec<_>>>()?;
    parse(&days, cached, replies, connected).ok_or_else(|| connection.unexpected_reply(HMGET))
}

fn days_of_a_request(from: Day, until: Day, cached: &CachedDays) -> Vec<Day> {
    let days = (from.number()..until.number()).map(Day::from_number);
    let mut rollups = 0;
    let is_in_request = |day: &Day| {
        rollups += usize::from(!cached.contains_key(day));
        rollups <= MAX_ROLLUPS
    };
    days.take(MAX_DAYS).take_while(is_in_request).collect()
}

fn fields<'a>(site: &SiteId, days: impl Iterator<Item = &'a Day>) -> Cmd {
    let mut command = cmd(HMGET);
    command.arg(keys::rollups(site)).arg(keys::ROLLUP_GENERATION);
    for day in days {
        command.arg(day.number());
    }
    command
}

/// The number of members with a score from one instant until another, which is excluded.
fn count(site: &SiteId, from: Instant, until: Instant) -> Cmd {
    let mut command = cmd(ZCOUNT);
    command.arg(keys::series(site)).arg(from.epoch_seconds());
    command.arg(format!("({}", until.epoch_seconds()));
    command
}

/// The number of members from one instant until another, which is excluded.
pub(super) async fn members_between(
    connection: &SharedConnection,
    site: &SiteId,
    [from, until]: [Instant; 2],
) -> StoreResult<u64> {
    let reply = connection.send(ZCOUNT, &count(site, from, until)).await?;
    reply::integer(&reply).ok_or_else(|| connection.unexpected_reply(ZCOUNT))
}

fn first_member(site: &SiteId, from: Instant, until: Instant) -> Cmd {
    let mut command = cmd("ZRANGE");
    command.arg(keys::series(site)).arg(from.epoch_seconds());
    command.arg(format!("({}", until.epoch_seconds())).arg("BYSCORE");
    command.arg("LIMIT").arg(0).arg(1).arg("WITHSCORES");
    command
}

/// `None` for replies of another shape.
fn parse(
    days: &[Day],
    mut cached: CachedDays,
    replies: Vec<Value>,
    connected: Generation,
) -> Option<StoredDays> {
    let mut replies = replies.into_iter();
    let mut fields = reply::array(replies.next()?)?.into_iter();
    let generation = reply::bytes(fields.next()?).unwrap_or_default();
    let mut stored = Vec::new();
    for day in days {
        let rollup = match cached.remove(day) {
            Some(rollup) => FoundRollup::Cached(rollup),
            None => reply::bytes(fields.next()?).map_or(FoundRollup::Missing, FoundRollup::Stored),
        };
        let members = reply::integer(&replies.next()?)?;
        if members > 0 {
            stored.push(StoredDay { day: *day, members, rollup });
        }
    }
    let next = reply::scored_members(replies.next()?)?.first().map(|(score, _)| day_of(*score));
    let version = Version { rollups: generation, connection: connected };
    Some(StoredDays { version, days: stored, next })
}

/// Whether a rollup is of the members that its day has: the one place that decides on it.
const fn is_valid(rollup: &DayRollup, members: u64) -> bool {
    rollup.members == members
}

/// The day of a score in epoch seconds.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and no calendar has such days")]
fn day_of(score: f64) -> Day {
    Day::from_number((score / 86_400.0).floor() as i32)
}
