//! Edges of buckets: a range of instants, cut by the clock and the calendar of a time zone.
//!
//! | file | what it owns |
//! |---|---|
//! | `zone` | an IANA zone: its offsets, its local times and their instants |
//! | `interval` | the length of a bucket, `1m` to `1y`, and its text |
//! | `range` | from an instant until another |
//! | `edges` | where the local time of a zone begins a bucket |
//! | `buckets` | the edges of a range, at most 20,000 buckets |

mod buckets;
mod edges;
mod interval;
mod range;
mod zone;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use buckets::{BucketError, Buckets, MAX_BUCKETS};
pub use interval::{Interval, IntervalError};
pub use range::{EmptyRange, Range};
pub use zone::{UnknownZone, Zone};
