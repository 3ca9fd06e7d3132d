//! Parsers of values, used by Clap.

use std::num::NonZeroUsize;
use std::time::Duration;

use readings::energy::rollup::Day;
use readings::store::PartitionCount;
use readings::{Instant, SiteId, iso8601};

fn bounded(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}

/// A port to listen on: 0 lets the system choose a free one.
pub(super) fn port(text: &str) -> Result<u16, String> {
    let number = bounded(text, 0, u16::MAX.into())?;
    u16::try_from(number).map_err(|error| error.to_string())
}

/// A number of partitions.
pub(super) fn partitions(text: &str) -> Result<PartitionCount, String> {
    let number = bounded(text, 1, PartitionCount::MAX.into())?;
    let number = u16::try_from(number).map_err(|error| error.to_string())?;
    PartitionCount::new(number).ok_or_else(|| "must be above 0".to_owned())
}

/// A number of replicas.
pub(super) fn replicas(text: &str) -> Result<u32, String> {
    let number = bounded(text, 0, 100)?;
    u32::try_from(number).map_err(|error| error.to_string())
}

/// A port to connect to, which cannot be 0.
pub(super) fn server_port(text: &str) -> Result<u16, String> {
    let number = bounded(text, 1, u16::MAX.into())?;
    u16::try_from(number).map_err(|error| error.to_string())
}

/// Stricter than OpenTelemetry, which reads `true` in any case and everything else as `false`: a typing error
/// is rejected instead of being read as `false`.
pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    let is = |word| text.eq_ignore_ascii_case(word);
    if is("true") || is("false") { Ok(is("true")) } else { Err("must be true or false") }
}

pub(super) fn entries(text: &str) -> Result<u64, String> {
    bounded(text, 0, u64::MAX)
}

/// A time with a unit; only 0 needs none.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text)
        .map_err(|_| "must be a time such as 90s, 5m, 24h or 30d".to_owned())
}

/// A time in a setting whose name ends in `_MS`: with a unit, or a plain number of milliseconds.
pub(super) fn milliseconds<const MIN: u64, const MAX: u64>(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(MIN)..=Duration::from_millis(MAX);
    let plain = text.parse().ok().map(Duration::from_millis);
    let time = plain.or_else(|| duration(text).ok()).filter(|time| range.contains(time));
    time.ok_or_else(|| {
        format!("must be a number of milliseconds from {MIN} to {MAX}, or a time such as 500ms or 30s in that range")
    })
}

/// The id of a site.
pub(super) fn site(text: &str) -> Result<SiteId, &'static str> {
    SiteId::new(text).ok_or("must not be empty")
}

/// A UTC day that is not in the future, as `2026-01-31`.
pub(super) fn past_day(text: &str) -> Result<Day, &'static str> {
    const RULE: &str = "must be a date such as 2026-01-31";
    let is_date = text.len() == "2026-01-31".len();
    let start = iso8601::parse(text).ok().filter(|_| is_date).ok_or(RULE)?;
    let day = Day::of(start.instant);
    let today = Instant::before_now(Duration::ZERO).map(Day::of);
    let is_past = today.is_some_and(|today| day <= today);
    if is_past {
        Ok(day)
    } else {
        Err("must not be in the future: only days that have ended are packed")
    }
}

pub(super) fn count<const MIN: u64, const MAX: u64>(text: &str) -> Result<NonZeroUsize, String> {
    let number = usize::try_from(bounded(text, MIN, MAX)?).ok().and_then(NonZeroUsize::new);
    number.ok_or_else(|| "must be above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_in_milliseconds_reads_plain_numbers_and_times_with_a_unit() {
        let parse = milliseconds::<10, 60_000>;
        for (text, time) in [("10", 10), ("4000", 4_000), ("4s", 4_000), ("1m", 60_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(time)), "{text}");
        }
        for text in ["9", "9ms", "60001", "61s", "1h", "0", "", "-1", "1.5", "4 seconds or so"] {
            assert!(parse(text).is_err_and(|rule| rule.contains("from 10 to 60000")), "{text}");
        }
    }

    #[test]
    fn a_day_is_a_date_that_is_not_in_the_future() {
        assert_eq!(past_day("1970-01-02"), Ok(Day::from_number(1)));
        for text in ["", "yesterday", "1970-01", "1970-02-30", "1970-01-02T00:00:00Z", "19700102"] {
            assert!(past_day(text).is_err_and(|rule| rule.contains("2026-01-31")), "{text}");
        }
        assert!(past_day("9999-01-01").is_err_and(|rule| rule.contains("future")));
    }

    #[test]
    fn a_time_needs_its_unit_unless_it_is_0() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert!(duration("90").is_err());
    }
}
