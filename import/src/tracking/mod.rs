//! The state that all rows of an import share: counts, progress display, rejects and the abort.

pub mod abort;
pub mod console;
pub mod progress;
pub mod rejects;
pub mod row_outcome;
pub mod stats;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::abort::Abort;
use self::progress::Progress;
use self::stats::Stats;

/// State that the client, the sender and the display share; clones share it, too.
#[derive(Clone)]
pub struct ImportState {
    /// Rows by outcome.
    pub stats: Arc<Stats>,
    /// The progress display.
    pub progress: Progress,
    /// Ends the import before the end of the file.
    pub abort: Arc<Abort>,
}

impl ImportState {
    /// Starts with zero rows; `interrupted` aborts the import.
    pub fn new(progress: Progress, interrupted: &CancellationToken) -> Self {
        let abort = Arc::new(Abort::linked_to(interrupted));
        Self { stats: Arc::new(Stats::start()), progress, abort }
    }
}

#[cfg(test)]
impl ImportState {
    /// Prints nothing, and is never interrupted.
    pub fn for_tests() -> Self {
        Self::new(Progress::silent(), &CancellationToken::new())
    }
}
