//! The stored rollups of some days of a site, and which of them are valid.

use std::sync::Arc;

use redis::{Cmd, Value, cmd, pipe};

use super::day_cache::{CachedDays, DayCache, Version};
use super::tier_counts::{self, TierCounts};
use crate::energy::rollup::{Day, DayRollup, decode};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::{Generation, SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::packed::DayHeader;

/// Rollups of one request. Too low and a year takes many round trips; too high and Redis serves no other client
/// while it copies those of a site with many devices (128 days of 20 devices are 8 MB).
const MAX_ROLLUPS: usize = 128;

/// Days of one request. Too low and a cached year takes several round trips; too high and Redis serves no other client
/// while it counts their members (0.6 us each).
const MAX_DAYS: usize = 512;

const HMGET: &str = "HMGET";
const ZCOUNT: &str = "ZCOUNT";
const SCRIPT_LOAD: &str = "SCRIPT LOAD";

/// A day that has members.
#[derive(Debug)]
pub(super) struct StoredDay {
    pub day: Day,
    /// How many in all tiers, those that two of them have twice.
    pub members: u64,
    signature: u64,
    /// Whether some may be outside of the sorted set.
    has_header: bool,
    /// Whether members are being moved, so that its signature may come again with others.
    is_moving: bool,
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
    fn new(day: Day, hot: u64, header: Option<&DayHeader>, rollup: FoundRollup) -> Self {
        Self {
            day,
            members: hot + header.map_or(0, DayHeader::members),
            signature: DayHeader::signature(header, hot),
            has_header: header.is_some(),
            is_moving: header.is_some_and(|header| !header.is_complete),
            rollup,
        }
    }

    /// Whether all its members are in the sorted set.
    pub const fn is_hot(&self) -> bool {
        !self.has_header
    }

    /// The signature of a rollup of this day that is of this number of readings; `None` where none may be stored.
    ///
    /// Members that are no readings count as well. Of a member that was stored since the day's members were counted, the
    /// number is too low or of those that were read, so the rollup is not valid or of all.
    pub fn signature_of(&self, readings: u64) -> Option<u64> {
        (!self.is_moving).then(|| self.signature + readings.saturating_sub(self.members))
    }

    /// Whether a rollup is of the members that the day has: the one place that decides on it.
    const fn is_valid(&self, rollup: &DayRollup) -> bool {
        !self.is_moving && rollup.signature == self.signature
    }

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
        if !self.is_valid(&rollup) {
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
    /// The first later day that may have members, up to the last that was asked for.
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
    let fields = fields(site, days.iter().filter(|day| !cached.contains_key(day)));
    let counts = tier_counts::command(site, [from, end, until]);
    let (replies, connected) = send(connection, fields, counts).await?;
    parse(&days, cached, replies, connected).ok_or_else(|| connection.unexpected_reply(HMGET))
}

/// The stored rollups, of before the members are counted, and the numbers of members.
async fn send(
    connection: &SharedConnection,
    fields: Cmd,
    counts: Cmd,
) -> StoreResult<(Vec<Value>, Generation)> {
    let mut pipeline = pipe();
    // In a Redis Cluster commands of two keys are executed in any order, and the generation is read first.
    let first = if connection.is_cluster() {
        Some(connection.send(HMGET, &fields).await?)
    } else {
        pipeline.add_command(fields);
        None
    };
    pipeline.add_command(counts);
    let (mut replies, mut connected) = connection.send_all(HMGET, &pipeline).await?;
    if replies.iter().any(is_unknown_script) {
        for master in connection.masters().await? {
            master.send(SCRIPT_LOAD, &tier_counts::load()).await?;
        }
        (replies, connected) = connection.send_all(HMGET, &pipeline).await?;
    }
    let replies = first.into_iter().map(Ok).chain(replies).collect::<StoreResult<_>>()?;
    Ok((replies, connected))
}

/// A server that has been restarted does not know the script.
fn is_unknown_script(reply: &StoreResult<Value>) -> bool {
    reply.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT"))
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

/// The number of members of the sorted set from one instant until another, which is excluded.
pub(super) async fn members_between(
    connection: &SharedConnection,
    site: &SiteId,
    [from, until]: [Instant; 2],
) -> StoreResult<u64> {
    let reply = connection.send(ZCOUNT, &count(site, from, until)).await?;
    reply::integer(&reply).ok_or_else(|| connection.unexpected_reply(ZCOUNT))
}

/// `None` for replies of another shape.
fn parse(
    days: &[Day],
    mut cached: CachedDays,
    replies: Vec<Value>,
    connected: Generation,
) -> Option<StoredDays> {
    let [fields, counts] = <[Value; 2]>::try_from(replies).ok()?;
    let mut fields = reply::array(fields)?.into_iter();
    let generation = reply::bytes(fields.next()?).unwrap_or_default();
    let TierCounts { hot, headers, next } = TierCounts::parse(counts)?;
    let (mut hot, mut headers) = (hot.into_iter(), headers.into_iter());
    let mut stored = Vec::new();
    for day in days {
        let rollup = match cached.remove(day) {
            Some(rollup) => FoundRollup::Cached(rollup),
            None => reply::bytes(fields.next()?).map_or(FoundRollup::Missing, FoundRollup::Stored),
        };
        let header = headers.next().flatten();
        let day = StoredDay::new(*day, hot.next()?, header.as_ref(), rollup);
        stored.extend((day.members > 0).then_some(day));
    }
    let version = Version { rollups: generation, connection: connected };
    Some(StoredDays { version, days: stored, next })
}
