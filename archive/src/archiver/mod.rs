//! Moves packed days into files.
//!
//! | file | what it owns |
//! |---|---|
//! | [`run`] | [`Archiver`]: a run over all sites: lease, plan, jobs, watermark, sweep |
//! | `scan` | which days of all sites are due |
//! | [`plan`] | which files are written for them |
//! | [`job`] | one file: rows of the files before it and of packed days, manifest, headers |
//! | [`site_days`] | what becomes of the days of one site in a file |
//! | `replaced` | how replaced readings are kept, and when they are forgotten |
//! | [`sweep`] | deletes what processes that ended have left |
//! | [`error`] | why a run ends |

pub mod error;
pub mod job;
pub mod plan;
mod replaced;
pub mod run;
mod scan;
mod site_days;
mod sweep;

pub use error::RunError;
pub use run::{Archived, Archiver, ArchiverSettings};
pub use sweep::orphans;
