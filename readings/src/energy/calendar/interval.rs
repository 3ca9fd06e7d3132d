//! The length of a bucket.

use std::fmt;
use std::str::FromStr;

/// Minutes that divide an hour, hours that divide a day, or a unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(Unit, u8);

/// Units in the order of their length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A text that is not an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an interval, expected one of 1m, 5m, 10m, 15m, 30m, 1h, 2h, 3h, 4h, 6h, 8h, 12h, 1d, 1w, 1mo, 1y"
)]
pub struct IntervalError;

impl Interval {
    /// One minute, the shortest interval.
    pub const MINUTE: Self = Self(Unit::Minute, 1);
    /// A quarter of an hour.
    pub const QUARTER: Self = Self(Unit::Minute, 15);
    /// One hour.
    pub const HOUR: Self = Self(Unit::Hour, 1);
    /// A day of the calendar: 23 or 25 hours long where clocks change.
    pub const DAY: Self = Self(Unit::Day, 1);
    /// A week from Monday (ISO 8601).
    pub const WEEK: Self = Self(Unit::Week, 1);
    /// A month of the calendar.
    pub const MONTH: Self = Self(Unit::Month, 1);
    /// A year of the calendar, the longest interval.
    pub const YEAR: Self = Self(Unit::Year, 1);

    /// All intervals, from the shortest to the longest.
    pub const ALL: [Self; 16] = [
        Self::MINUTE,
        Self(Unit::Minute, 5),
        Self(Unit::Minute, 10),
        Self::QUARTER,
        Self(Unit::Minute, 30),
        Self::HOUR,
        Self(Unit::Hour, 2),
        Self(Unit::Hour, 3),
        Self(Unit::Hour, 4),
        Self(Unit::Hour, 6),
        Self(Unit::Hour, 8),
        Self(Unit::Hour, 12),
        Self::DAY,
        Self::WEEK,
        Self::MONTH,
        Self::YEAR,
    ];

    pub(super) const fn unit(self) -> Unit {
        self.0
    }

    /// How many units.
    pub(super) const fn count(self) -> u8 {
        self.1
    }

    /// Its usual length in seconds: of a month 30 days, of a year 365.
    #[must_use]
    pub const fn nominal_seconds(self) -> i64 {
        let unit = match self.0 {
            Unit::Minute => 60,
            Unit::Hour => 3_600,
            Unit::Day => 86_400,
            Unit::Week => 7 * 86_400,
            Unit::Month => 30 * 86_400,
            Unit::Year => 365 * 86_400,
        };
        unit * self.1 as i64
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.0 {
            Unit::Minute => "m",
            Unit::Hour => "h",
            Unit::Day => "d",
            Unit::Week => "w",
            Unit::Month => "mo",
            Unit::Year => "y",
        };
        write!(f, "{}{unit}", self.1)
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|interval| interval.to_string() == text).ok_or(IntervalError)
    }
}
