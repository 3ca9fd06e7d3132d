//! Parsers of values, used by Clap.

use std::num::NonZeroU32;
use std::time::Duration;

/// A request has at most 10,000 readings.
pub(super) fn batch(text: &str) -> Result<NonZeroU32, String> {
    let number = text.parse().ok().filter(|number: &NonZeroU32| number.get() <= 10_000);
    number.ok_or_else(|| "must be a whole number from 1 to 10000".to_owned())
}

/// Beyond 10 nearly all entries are of the first site.
pub(super) fn exponent(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=10.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 10".to_owned())
}

pub(super) fn seconds<const MIN: u64>(text: &str) -> Result<Duration, String> {
    let number = text.parse().ok().filter(|number| (MIN..=600).contains(number));
    number
        .map(Duration::from_secs)
        .ok_or_else(|| format!("must be a whole number from {MIN} to 600"))
}
