//! The length of an interval.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::Deserialize;

/// The length of an interval: a second to 366 days, written as `30m`, `1h`, `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Interval(TimeDelta);

/// The longest interval. Too low: a file of years is refused. Too high: energy is spread over a time of which the file
/// says nothing.
const MAX: TimeDelta = TimeDelta::days(366);

impl Interval {
    /// An interval of this length; `None` if it is too short or too long.
    #[must_use]
    pub fn new(length: TimeDelta) -> Option<Self> {
        (TimeDelta::seconds(1)..=MAX).contains(&length).then_some(Self(length))
    }

    /// The length.
    #[must_use]
    pub const fn length(self) -> TimeDelta {
        self.0
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = humantime::parse_duration(text).ok();
        let length = parsed.and_then(|length| TimeDelta::from_std(length).ok());
        length.and_then(Self::new).ok_or_else(|| "must be 1s to 366d, as 30m, 1h or 1d".to_owned())
    }
}

impl TryFrom<String> for Interval {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.num_seconds();
        match () {
            () if seconds % 86_400 == 0 => write!(f, "{}d", seconds / 86_400),
            () if seconds % 3600 == 0 => write!(f, "{}h", seconds / 3600),
            () if seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
            () => write!(f, "{seconds}s"),
        }
    }
}
