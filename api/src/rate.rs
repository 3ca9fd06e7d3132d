//! A rate of requests, as settings and key files state it.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// The largest number of requests in a unit of time, and the largest burst. Too low: a large client cannot be given
/// its rate. Too high: the interval between two requests is rounded to whole nanoseconds by more than a thousandth.
const MAX_REQUESTS: u32 = 1_000_000;

/// A number of requests in a unit of time (`100/s`, `6000/min`, `100000/h`), and the burst: how many of them may come
/// at once. Without one (`burst=20`), all requests of the unit may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    requests: NonZeroU32,
    unit: Unit,
    burst: NonZeroU32,
}

/// A text that is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a rate such as 100/s, 6000/min or 100000/h, or 100/s burst=20 where fewer may come at once; \
     numbers are whole and from 1 to 1000000"
)]
pub struct InvalidRate;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Rate {
    /// The time in which the burst grows by one request again.
    #[must_use]
    pub fn interval(self) -> Duration {
        self.unit.duration() / self.requests.get()
    }

    /// How many requests may come at once.
    #[must_use]
    pub const fn burst(self) -> NonZeroU32 {
        self.burst
    }
}

impl Unit {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    const fn symbol(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
        }
    }

    const fn duration(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
        }
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (rate, burst) = match text.split_once(' ') {
            Some((rate, burst)) => {
                (rate, Some(burst.trim_start().strip_prefix("burst=").ok_or(InvalidRate)?))
            }
            None => (text, None),
        };
        let (requests, symbol) = rate.split_once('/').ok_or(InvalidRate)?;
        let requests = number(requests)?;
        let unit = Unit::ALL.into_iter().find(|unit| unit.symbol() == symbol);
        let burst = burst.map_or(Ok(requests), number)?;
        Ok(Self { requests, unit: unit.ok_or(InvalidRate)?, burst })
    }
}

fn number(text: &str) -> Result<NonZeroU32, InvalidRate> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number: &NonZeroU32| number.get() <= MAX_REQUESTS);
    number.filter(|_| is_number).ok_or(InvalidRate)
}

/// As [`FromStr`] reads it.
impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.requests, self.unit.symbol())?;
        if self.burst == self.requests {
            return Ok(());
        }
        write!(formatter, " burst={}", self.burst)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use super::*;

    fn parsed(text: &str) -> (Duration, u32) {
        let rate: Rate = text.parse().unwrap();
        (rate.interval(), rate.burst().get())
    }

    #[test]
    fn a_rate_is_a_number_of_requests_in_a_unit_of_time() {
        assert_eq!(parsed("100/s"), (Duration::from_millis(10), 100));
        assert_eq!(parsed("6000/min"), (Duration::from_millis(10), 6_000));
        assert_eq!(parsed("100000/h"), (Duration::from_millis(36), 100_000));
        assert_eq!(parsed("1000000/s"), (Duration::from_micros(1), 1_000_000));
    }

    #[test]
    fn a_burst_may_be_smaller_or_larger_than_the_number_of_requests() {
        assert_eq!(parsed("100/s burst=1"), (Duration::from_millis(10), 1));
        assert_eq!(parsed("1/h burst=1000000"), (Duration::from_hours(1), 1_000_000));
    }

    #[test]
    fn everything_else_is_rejected() {
        let invalid = "|100|/s|100/|0/s|-1/s|+1/s|1.5/s|1000001/s|100/m|100/S| 100/s|100 /s|100/s |100/s,20/min|\
                       100/s 20|100/s burst|100/s burst=|100/s burst=0|100/s burst=1000001|100/s burst=+1|100/sburst=20";
        for text in invalid.split('|') {
            assert_eq!(text.parse::<Rate>(), Err(InvalidRate), "{text:?}");
        }
    }

    fn rates() -> impl Strategy<Value = String> {
        let unit = prop_oneof![Just("s"), Just("min"), Just("h")];
        (1..=MAX_REQUESTS, unit, 1..=MAX_REQUESTS)
            .prop_map(|(requests, unit, burst)| format!("{requests}/{unit} burst={burst}"))
    }

    proptest! {
        #[test]
        fn a_printed_rate_is_read_as_the_same_rate(text in rates()) {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string().parse(), Ok(rate));
            assert!(rate.interval() >= Duration::from_micros(1));
        }

        #[test]
        fn any_text_is_a_rate_or_rejected(text in any::<String>()) {
            if let Ok(rate) = text.parse::<Rate>() {
                assert_eq!(rate.to_string().parse(), Ok(rate));
            }
        }
    }
}
