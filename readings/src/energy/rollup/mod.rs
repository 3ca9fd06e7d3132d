//! Summaries of one UTC day of a site, by quarters of an hour, and their bytes.
//!
//! | file | what it owns |
//! |---|---|
//! | `day` | a UTC day |
//! | `day_rollup` | summaries of a day, from its readings |
//! | `plan` | which parts of a question come from rollups, which from members |
//! | `codec`, `wire` | a rollup as bytes: version, checksum, postcard |
//!
//! A quarter of an hour composes to every bucket whose edges are on quarters: hours, days, weeks and months of
//! all present zones.

mod codec;
mod day;
mod day_rollup;
mod plan;
mod wire;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use codec::{DecodeError, EncodeError, decode, encode};
pub use day::Day;
pub use day_rollup::{DayBuilder, DayRollup, OutsideOfDay};
pub use plan::{Part, plan};
