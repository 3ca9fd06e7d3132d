//! Energy of the buckets of a range, from readings or from their summaries.
//!
//! | file | what it owns |
//! |---|---|
//! | `sample` | power at an instant |
//! | `rules` | step-hold or trapezoid, and the max gap |
//! | `watt_seconds` | energy, import and export apart |
//! | `pair` | energy between two neighbouring readings |
//! | `summary`, `summarizer` | what is kept of consecutive readings of one device, and how readings become one |
//! | `bucket` | what a question gives for one bucket of one device |
//! | `composer` | summaries of one device, in the order of time, become buckets |
//! | `integrator` | readings of all devices of a site become buckets |
//! | `sum` | buckets of several devices become those of their sum |
//!
//! Readings are summarized first and summaries composed after, also when no rollup is in between: so the sums
//! are the same additions in the same order, and the results the same bits, whether a question is computed
//! from readings or from rollups.

mod bucket;
mod composer;
mod integrator;
mod pair;
mod rules;
mod sample;
mod sum;
mod summarizer;
mod summary;
mod watt_seconds;

#[cfg(test)]
mod naive;
#[cfg(test)]
pub(super) mod properties;
#[cfg(test)]
mod tests;

pub use bucket::{Bucket, with_empty};
pub use composer::{ComposeError, Composer};
pub use integrator::{IntegrateError, Integrator, MAX_FILLED_BUCKETS, SiteBuckets, TooManyFilled};
pub use rules::{Aggregation, Integration, IntegrationError, MaxGap, MaxGapError, Rules};
pub use sample::Sample;
pub use sum::{SummedBucket, sum_over_devices};
pub(super) use summarizer::{Pushed, Summarizer, end_of_quarter};
pub use summarizer::{QUARTER_MICROS, quarter_of};
pub use summary::Summary;
pub use watt_seconds::WattSeconds;
