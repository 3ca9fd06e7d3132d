//! How power becomes energy.

use std::fmt;
use std::str::FromStr;

use crate::energy::calendar::{Buckets, Range};
use crate::iso8601::Instant;

/// What power is between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Integration {
    /// Step-hold: a value holds until the next reading of its device (a left Riemann sum).
    #[default]
    Step,
    /// The straight line between the two (the trapezoidal rule). After a long pause it takes a single high
    /// value for half a pause of power, so it is not the default.
    Trapezoid,
}

/// A text that is no rule of integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a rule of integration, expected step or trapezoid")]
pub struct IntegrationError;

impl FromStr for Integration {
    type Err = IntegrationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "step" => Ok(Self::Step),
            "trapezoid" => Ok(Self::Trapezoid),
            _ => Err(IntegrationError),
        }
    }
}

impl fmt::Display for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Step => "step",
            Self::Trapezoid => "trapezoid",
        })
    }
}

/// The longest time between two neighbouring readings over which the first one holds; longer is a gap. Too
/// low and a meter that reports rarely has no energy; too high and the last value before an outage is taken
/// for hours of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxGap {
    seconds: u32,
}

/// A max gap that is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the max gap must be between 1 second and 31 days, expected seconds or e.g. 30m, 2h, 1d")]
pub struct MaxGapError;

impl MaxGap {
    /// Two hours, as emoncms has it: an hourly meter may miss one reading.
    pub const DEFAULT: Self = Self { seconds: 7_200 };

    /// From 1 second to 31 days.
    ///
    /// # Errors
    /// Outside of these.
    pub fn from_seconds(seconds: u32) -> Result<Self, MaxGapError> {
        let is_accepted = (1..=31 * 86_400).contains(&seconds);
        if is_accepted { Ok(Self { seconds }) } else { Err(MaxGapError) }
    }

    /// Its seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// Its microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.seconds as i64 * 1_000_000
    }
}

impl Default for MaxGap {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for MaxGap {
    type Err = MaxGapError;

    /// Seconds, or a number with `s`, `m`, `h` or `d`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(MaxGapError),
        };
        let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
        let number = digits.parse::<u32>().ok().filter(|_| is_number);
        Self::from_seconds(number.and_then(|number| number.checked_mul(unit)).ok_or(MaxGapError)?)
    }
}

/// How energy is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// What power is between two readings.
    pub integration: Integration,
    /// When two readings are too far apart.
    pub max_gap: MaxGap,
}

impl Rules {
    /// Step-hold with the usual max gap.
    pub const STEP: Self = Self { integration: Integration::Step, max_gap: MaxGap::DEFAULT };
}

/// What is asked for: buckets, by rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregation {
    /// The buckets of the range.
    pub buckets: Buckets,
    /// The rules.
    pub rules: Rules,
}

impl Aggregation {
    /// The range whose readings matter: from a max gap before that of the buckets until a max gap after it.
    #[must_use]
    pub const fn reach(&self) -> Range {
        let (range, gap) = (self.buckets.range(), self.rules.max_gap.micros());
        let start = range.start().epoch_micros().saturating_sub(gap);
        let end = range.end().epoch_micros().saturating_add(gap);
        Range::between(Instant::from_epoch_micros(start), Instant::from_epoch_micros(end))
    }
}
