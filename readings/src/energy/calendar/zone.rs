//! An IANA time zone.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, SecondsFormat, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use crate::iso8601::Instant;

/// Years that RFC 3339 can write.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// A zone of the IANA time zone database, as `chrono-tz` has it: transitions until 2100, and after its last
/// one a zone keeps its last offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

/// A text that names no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time zone of the IANA database, expected e.g. Europe/Berlin or UTC")]
pub struct UnknownZone;

impl FromStr for Zone {
    type Err = UnknownZone;

    /// A name of the database (`Europe/Berlin`), as it is spelled there.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.parse().map(Self).map_err(|_| UnknownZone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(Tz::UTC);

    /// All zones of the database, links included.
    pub fn all() -> impl Iterator<Item = Self> {
        chrono_tz::TZ_VARIANTS.iter().copied().map(Self)
    }

    /// RFC 3339 text of an instant with the zone's offset: `2016-11-06T00:00:00-07:00`.
    ///
    /// In UTC, with `Z`, where RFC 3339 has no text for the local time: offsets with seconds (local mean
    /// time, Liberia before 1972), and years of more or less than four digits.
    #[must_use]
    pub fn timestamp(self, instant: Instant) -> Option<String> {
        let utc = utc(instant)?;
        let local = utc.with_timezone(&self.0);
        let has_text =
            local.offset().fix().local_minus_utc() % 60 == 0 && YEARS.contains(&local.year());
        let is_utc = self == Self::UTC || !has_text;
        Some(if is_utc { text(&utc) } else { text(&local) })
    }

    /// How far local time is ahead of UTC at an instant, in microseconds.
    pub(super) fn offset(self, instant: Instant) -> Option<i64> {
        let offset = self.0.offset_from_utc_datetime(&utc(instant)?.naive_utc());
        Some(i64::from(offset.fix().local_minus_utc()) * 1_000_000)
    }

    /// The local time of an instant.
    pub(super) fn local(self, instant: Instant) -> Option<NaiveDateTime> {
        Some(utc(instant)?.with_timezone(&self.0).naive_local())
    }

    /// The first instant at which a local time is reached: of a repeated local time the first, of a missing
    /// one the end of the gap.
    pub(super) fn first_instant_at(self, local: NaiveDateTime) -> Option<Instant> {
        let found = self.0.from_local_datetime(&local);
        let first = found.earliest().or_else(|| GapInfo::new(&local, &self.0)?.end)?;
        Some(Instant::from_epoch_micros(first.timestamp_micros()))
    }
}

/// `None` outside chrono's range of 260,000 years.
fn utc(instant: Instant) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(instant.epoch_micros())
}

fn text<Z: TimeZone>(moment: &DateTime<Z>) -> String
where
    Z::Offset: fmt::Display,
{
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
