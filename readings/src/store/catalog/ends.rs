//! Reads members at an end of a site's sorted set.

use redis::{Cmd, Value, cmd};

use super::plausible::Plausible;
use crate::iso8601::{self, Instant};
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::keys;

/// A member with its score.
pub(super) type ScoredMember = (f64, Vec<u8>);

/// The number of members (`ZCARD`).
pub(super) fn count(site: &SiteId) -> Cmd {
    let mut command = cmd("ZCARD");
    command.arg(keys::series(site));
    command
}

/// Members from one rank to another, both included.
pub(super) fn by_rank(site: &SiteId, first: isize, last: isize) -> Cmd {
    let mut command = cmd("ZRANGE");
    command.arg(keys::series(site)).arg(first).arg(last).arg("WITHSCORES");
    command
}

/// The first plausible member.
pub(super) fn first_plausible(site: &SiteId, plausible: Plausible) -> Cmd {
    let mut command = cmd("ZRANGE");
    let (first, last) = (plausible.first(), plausible.last());
    command.arg(keys::series(site)).arg(first.epoch_seconds()).arg(last.epoch_seconds());
    command.arg("BYSCORE").arg("LIMIT").arg(0).arg(1).arg("WITHSCORES");
    command
}

/// The last members from an instant downwards, the last one first.
pub(super) fn downwards(site: &SiteId, from: Instant, until: Instant, limit: usize) -> Cmd {
    let mut command = cmd("ZRANGE");
    command.arg(keys::series(site)).arg(from.epoch_seconds()).arg(until.epoch_seconds());
    command.arg("BYSCORE").arg("REV").arg("LIMIT").arg(0).arg(limit).arg("WITHSCORES");
    command
}

/// The value of a reply; `None` where the command is not permitted, or the key is of another type.
pub(super) fn permitted(reply: StoreResult<Value>) -> StoreResult<Option<Value>> {
    match reply {
        Err(error) if matches!(error.class, ErrorClass::Denied | ErrorClass::WrongType) => Ok(None),
        reply => reply.map(Some),
    }
}

/// The members of a reply; `None` for one of another shape.
pub(super) fn members(reply: StoreResult<Value>) -> StoreResult<Option<Vec<ScoredMember>>> {
    let value = permitted(reply)?.unwrap_or_else(|| Value::Array(Vec::new()));
    Ok(reply::scored_members(value))
}

/// The instant of a score.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and no calendar has such instants")]
pub(super) fn instant_of(score: f64) -> Instant {
    Instant::from_epoch_micros((score * 1e6).round() as i64)
}

/// When the reading of a member was accepted; `None` for one that is no reading.
pub(super) fn ingested_at(member: &[u8]) -> Option<Instant> {
    let reading = StoredReading::from_member(member).ok()?;
    iso8601::parse(reading.ingested_at()).ok().map(|parsed| parsed.instant)
}
