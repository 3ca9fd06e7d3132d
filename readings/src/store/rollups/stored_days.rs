//! The stored rollups of some days of a site, and which of them are valid.

use redis::{Cmd, Value, cmd, pipe};

use crate::energy::rollup::{Day, DayRollup, decode};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

/// Days of one request. Too low and a year takes many round trips; too high and Redis serves no other client
/// while it copies the rollups of a site with many devices (128 days of 20 devices are 8 MB).
const MAX_DAYS: i32 = 128;

const HMGET: &str = "HMGET";

/// A day that has members.
#[derive(Debug)]
pub(super) struct StoredDay {
    pub day: Day,
    /// How many.
    pub members: u64,
    bytes: Option<Vec<u8>>,
}

impl StoredDay {
    /// Its rollup; `None` without a valid one.
    pub fn rollup(&self) -> Option<DayRollup> {
        let rollup = decode(self.bytes.as_deref()?, self.day).ok()?;
        is_valid(&rollup, self.members).then_some(rollup)
    }
}

/// Some days of a site.
#[derive(Debug)]
pub(super) struct StoredDays {
    /// The rollup generation, from before any member is read.
    pub generation: Vec<u8>,
    /// The days that have members, in their order.
    pub days: Vec<StoredDay>,
    /// The first later day that has members, up to the last that was asked for.
    pub next: Option<Day>,
}

/// Reads the rollups from one day on until another, which is excluded, or of the first [`MAX_DAYS`] of them.
pub(super) async fn read(
    connection: &SharedConnection,
    site: &SiteId,
    from: Day,
    until: Day,
) -> StoreResult<StoredDays> {
    let end = Day::from_number(until.number().min(from.number().saturating_add(MAX_DAYS)));
    let days: Vec<Day> = (from.number()..end.number()).map(Day::from_number).collect();
    let mut pipeline = pipe();
    pipeline.add_command(fields(site, &days));
    for day in &days {
        pipeline.add_command(count(site, day.start(), day.next().start()));
    }
    pipeline.add_command(first_member(site, end.start(), until.start()));
    let (replies, _) = connection.send_all(HMGET, &pipeline).await?;
    let replies = replies.into_iter().collect::<StoreResult<Vec<_>>>()?;
    parse(&days, replies).ok_or_else(|| connection.unexpected_reply(HMGET))
}

fn fields(site: &SiteId, days: &[Day]) -> Cmd {
    let mut command = cmd(HMGET);
    command.arg(keys::rollups(site)).arg(keys::ROLLUP_GENERATION);
    for day in days {
        command.arg(day.number());
    }
    command
}

/// The number of members with a score from one instant until another, which is excluded.
fn count(site: &SiteId, from: Instant, until: Instant) -> Cmd {
    let mut command = cmd("ZCOUNT");
    command.arg(keys::series(site)).arg(from.epoch_seconds());
    command.arg(format!("({}", until.epoch_seconds()));
    command
}

fn first_member(site: &SiteId, from: Instant, until: Instant) -> Cmd {
    let mut command = cmd("ZRANGE");
    command.arg(keys::series(site)).arg(from.epoch_seconds());
    command.arg(format!("({}", until.epoch_seconds())).arg("BYSCORE");
    command.arg("LIMIT").arg(0).arg(1).arg("WITHSCORES");
    command
}

/// `None` for replies of another shape.
fn parse(days: &[Day], replies: Vec<Value>) -> Option<StoredDays> {
    let mut replies = replies.into_iter();
    let mut fields = reply::array(replies.next()?)?.into_iter();
    let generation = reply::bytes(fields.next()?).unwrap_or_default();
    let mut stored = Vec::new();
    for day in days {
        let bytes = reply::bytes(fields.next()?);
        let members = reply::integer(&replies.next()?)?;
        if members > 0 {
            stored.push(StoredDay { day: *day, members, bytes });
        }
    }
    let next = reply::scored_members(replies.next()?)?.first().map(|(score, _)| day_of(*score));
    Some(StoredDays { generation, days: stored, next })
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
