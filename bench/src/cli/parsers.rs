//! Parsers of values, used by Clap.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use readings::store::PartitionCount;

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

pub(super) fn partitions(text: &str) -> Result<PartitionCount, String> {
    let count = text.parse().ok().and_then(PartitionCount::new);
    count.ok_or_else(|| format!("must be a whole number from 1 to {}", PartitionCount::MAX))
}

/// With more than ten the machine measures itself.
pub(super) fn masters(text: &str) -> Result<NonZeroU16, String> {
    let number =
        text.parse().ok().filter(|number: &NonZeroU16| number.get() != 2 && number.get() <= 10);
    number.ok_or_else(|| "must be 1 for one server, or from 3 to 10 for a Cluster".to_owned())
}

pub(super) fn seconds<const MIN: u64>(text: &str) -> Result<Duration, String> {
    let number = text.parse().ok().filter(|number| (MIN..=600).contains(number));
    number
        .map(Duration::from_secs)
        .ok_or_else(|| format!("must be a whole number from {MIN} to 600"))
}
