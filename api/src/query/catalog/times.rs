//! Instants as text, and the names of statuses.

use chrono::{DateTime, SecondsFormat};
use poem_openapi::Enum;
use readings::Instant;
use readings::store::catalog::Status;

/// An instant in UTC (RFC 3339); `None` where the calendar has no such instant.
pub(super) fn utc(instant: Instant) -> Option<String> {
    let time = DateTime::from_timestamp_micros(instant.epoch_micros())?;
    Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// Microseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
pub(super) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// How recent the last reading is, by the usual time between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "Status", rename_all = "snake_case")]
pub enum StatusName {
    /// The last reading is less than 3 intervals old.
    Fresh,
    /// It is less than 6 intervals old.
    Late,
    /// It is less than 12 intervals old.
    Stale,
    /// It is older, or no timestamp is plausible.
    Offline,
    /// The last readings have timestamps more than five minutes ahead of the time at which they were accepted.
    Ahead,
    /// There are no readings.
    Empty,
}

impl From<Status> for StatusName {
    fn from(status: Status) -> Self {
        match status {
            Status::Fresh => Self::Fresh,
            Status::Late => Self::Late,
            Status::Stale => Self::Stale,
            Status::Offline => Self::Offline,
            Status::Ahead => Self::Ahead,
            Status::Empty => Self::Empty,
        }
    }
}
