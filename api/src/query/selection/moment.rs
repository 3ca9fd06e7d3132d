//! A moment in a query: a timestamp, epoch seconds or milliseconds, or a time before now.

use std::time::Duration;

use readings::iso8601::{self, Instant, TimestampError};

/// Numbers below it are epoch seconds (until the year 5138), from it on milliseconds (from 1973 on).
const FIRST_MILLISECONDS: u64 = 100_000_000_000;

/// The instants of the years 1 to 9999, those that timestamps have.
const MIN_SECONDS: i64 = -62_135_596_800;
const MAX_SECONDS: i64 = 253_402_300_799;

/// A moment, as a request has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// An instant.
    At(Instant),
    /// A time before the request.
    Ago(Duration),
}

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// It may have had a `+`.
    #[error(
        "a `+` in a query means a space: send the offset from UTC as `%2B`, or the time in UTC with `Z`"
    )]
    PlusNotEncoded,
    /// It begins as a time before now.
    #[error("a time before now is `now-` with a number and s, m, h, d or w, e.g. now-24h")]
    NotBeforeNow,
    /// A number of years before the year 1, or after 9999.
    #[error("the years are 0001 to 9999")]
    OutOfRange,
    /// It is nothing else, either.
    #[error("{0}; or epoch seconds, epoch milliseconds, or e.g. now-24h")]
    NotATimestamp(TimestampError),
}

impl Moment {
    /// Parses a moment.
    ///
    /// # Errors
    /// The rule that the text breaks, or a more likely mistake behind it.
    pub fn parse(text: &str) -> Result<Self, MomentError> {
        if let Some(ago) = text.strip_prefix("now") {
            return ago_of(ago).map(Self::Ago).ok_or(MomentError::NotBeforeNow);
        }
        if let Some(instant) = epoch(text) {
            return instant.map(Self::At);
        }
        match iso8601::parse(text) {
            Ok(parsed) => Ok(Self::At(parsed.instant)),
            Err(_) if has_lost_plus(text) => Err(MomentError::PlusNotEncoded),
            Err(error) => Err(MomentError::NotATimestamp(error)),
        }
    }

    /// The instant that it means now; `None` when it is out of range.
    pub fn instant(self) -> Option<Instant> {
        match self {
            Self::At(instant) => Some(instant),
            Self::Ago(age) => Instant::before_now(age),
        }
    }
}

fn ago_of(text: &str) -> Option<Duration> {
    if text.is_empty() {
        return Some(Duration::ZERO);
    }
    let text = text.strip_prefix('-')?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    // A u32: of weeks, it is more than all years.
    let number: u32 = Some(number).filter(|_| is_number)?.parse().ok()?;
    Some(Duration::from_secs(seconds * u64::from(number)))
}

/// A whole number, but eight digits are the date `YYYYMMDD`.
fn epoch(text: &str) -> Option<Result<Instant, MomentError>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.len() == 8 {
        return None;
    }
    let Ok(number) = text.parse::<i64>() else { return Some(Err(MomentError::OutOfRange)) };
    let is_seconds = number.unsigned_abs() < FIRST_MILLISECONDS;
    let (seconds, factor) = if is_seconds { (number, 1_000_000) } else { (number / 1_000, 1_000) };
    let is_in_range = (MIN_SECONDS..=MAX_SECONDS).contains(&seconds);
    Some(if is_in_range {
        Ok(Instant::from_epoch_micros(number * factor))
    } else {
        Err(MomentError::OutOfRange)
    })
}

fn has_lost_plus(text: &str) -> bool {
    let Some((before, after)) = text.rsplit_once(' ') else { return false };
    iso8601::parse(&format!("{before}+{after}")).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(text: &str) -> Option<i64> {
        match Moment::parse(text) {
            Ok(Moment::At(instant)) => Some(instant.epoch_micros()),
            _ => None,
        }
    }

    #[test]
    fn timestamps_and_epoch_numbers_mean_the_same_instant() {
        for text in
            ["2024-01-15T10:30:00Z", "2024-01-15T12:30:00+02:00", "1705314600", "1705314600000"]
        {
            assert_eq!(micros(text), Some(1_705_314_600_000_000), "{text}");
        }
        assert_eq!(micros("20240115"), Some(1_705_276_800_000_000));
        assert_eq!((micros("0"), micros("-1")), (Some(0), Some(-1_000_000)));
    }

    #[test]
    fn a_time_before_now_has_a_number_and_a_unit() {
        let day = Moment::Ago(Duration::from_hours(24));
        for text in ["now-24h", "now-1d", "now-1440m", "now-86400s"] {
            assert_eq!(Moment::parse(text), Ok(day), "{text}");
        }
        assert_eq!(Moment::parse("now"), Ok(Moment::Ago(Duration::ZERO)));
        for text in ["now-", "now-h", "now-1", "now+1h", "now-1y", "now--1h", "now-+1h", "now-1é"]
        {
            assert_eq!(Moment::parse(text), Err(MomentError::NotBeforeNow), "{text}");
        }
    }

    #[test]
    fn a_plus_that_was_not_encoded_is_recognised() {
        assert_eq!(Moment::parse("2024-01-15T10:30:00 02:00"), Err(MomentError::PlusNotEncoded));
        assert!(matches!(Moment::parse("tea time"), Err(MomentError::NotATimestamp(_))));
    }

    #[test]
    fn numbers_of_other_years_are_out_of_range() {
        for text in ["-62135596801", "253402300800000", "99999999999999999999"] {
            assert_eq!(Moment::parse(text), Err(MomentError::OutOfRange), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_moment_or_an_error(text in "(now-?)?[-0-9a-zA-Z:+ .é]{0,24}") {
            let instant = Moment::parse(&text).map(Moment::instant);
            prop_assert!(instant.is_ok() || instant.is_err());
        }
    }
}
