//! The zone of local times.

use std::fmt;
use std::str::FromStr;

use chrono::{FixedOffset, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

/// A zone: of the IANA database, or a fixed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// Of the IANA database.
    Named(Tz),
    /// A fixed offset from UTC.
    Fixed(FixedOffset),
}

/// The instants of a local time, as seconds of their offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offsets {
    /// Exactly one.
    One(FixedOffset),
    /// Two, where clocks are set back: the earlier instant has the first.
    Repeated(FixedOffset, FixedOffset),
    /// None, where clocks are set forward.
    Missing,
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self::Named(Tz::UTC);

    /// The offsets of a local time.
    #[must_use]
    pub fn offsets(self, local: NaiveDateTime) -> Offsets {
        use chrono::{LocalResult, Offset};
        let zone = match self {
            Self::Fixed(offset) => return Offsets::One(offset),
            Self::Named(zone) => zone,
        };
        match zone.offset_from_local_datetime(&local) {
            LocalResult::Single(offset) => Offsets::One(offset.fix()),
            LocalResult::Ambiguous(earlier, later) => Offsets::Repeated(earlier.fix(), later.fix()),
            LocalResult::None => Offsets::Missing,
        }
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(zone) = text.parse() {
            return Ok(Self::Named(zone));
        }
        super::text::offset(text).map(Self::Fixed).ok_or_else(|| {
            "must be a zone of the IANA database, as Europe/Berlin, or UTC, or an offset as +01:00".to_owned()
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(zone) => f.write_str(zone.name()),
            Self::Fixed(offset) => offset.fmt(f),
        }
    }
}
