//! Energy from power: pure functions, without a clock and without Redis.
//!
//! A meter sends power at instants; a question asks for energy by day. Between the two there is
//! arithmetic ([decision 44](../../../../docs/decisions/0044-energy-by-step-hold.md)), in this order:
//!
//! | part | what it owns |
//! |---|---|
//! | [`calendar`] | edges of the buckets of a range: minutes to years of an IANA zone |
//! | [`integration`] | energy, mean, coverage, min and max of buckets, from readings or their summaries |
//! | [`rollup`] | summaries of one UTC day of a site, and their bytes |

pub mod calendar;
pub mod integration;
pub mod rollup;
