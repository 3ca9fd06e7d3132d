//! A UTC day.

use std::fmt;

use chrono::{DateTime, NaiveDate};

use crate::energy::calendar::Range;
use crate::iso8601::Instant;

const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// A UTC day, as its number from 1970-01-01 on; negative before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The day with a number.
    #[must_use]
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The day of an instant.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "i64 has 107 million days of microseconds")]
    pub const fn of(instant: Instant) -> Self {
        Self(instant.epoch_micros().div_euclid(DAY_MICROS) as i32)
    }

    /// The day after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its instants.
    #[must_use]
    pub fn range(self) -> Range {
        Range::between(self.start(), self.next().start())
    }

    /// Its first instant.
    #[must_use]
    pub const fn start(self) -> Instant {
        Instant::from_epoch_micros((self.0 as i64).saturating_mul(DAY_MICROS))
    }

    fn date(self) -> Option<NaiveDate> {
        Some(DateTime::from_timestamp_micros(self.start().epoch_micros())?.date_naive())
    }
}

impl fmt::Display for Day {
    /// `2024-01-15`; its number where the calendar ends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => date.fmt(f),
            None => self.0.fmt(f),
        }
    }
}
