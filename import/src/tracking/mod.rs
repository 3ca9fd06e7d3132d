//! What becomes of rows: outcomes, numbers, the rejects file, and the end of an import.

pub mod abort;
pub mod console;
pub mod progress;
pub mod rejects;
pub mod row_outcome;
pub mod stats;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::abort::Stop;
use self::progress::Progress;
use self::stats::Counter;

/// What the parts of an import share.
#[derive(Clone)]
pub struct Shared {
    /// The numbers.
    pub counter: Arc<Counter>,
    /// The display.
    pub progress: Progress,
    /// The end before the end of the file.
    pub stop: Arc<Stop>,
}

impl Shared {
    /// Begins to count; the import ends when `interrupted`, too.
    pub fn new(progress: Progress, interrupted: &CancellationToken) -> Self {
        let stop = Arc::new(Stop::with(interrupted));
        Self { counter: Arc::new(Counter::start()), progress, stop }
    }
}

#[cfg(test)]
impl Shared {
    /// Silent, and never interrupted.
    pub fn for_tests() -> Self {
        Self::new(Progress::silent(), &CancellationToken::new())
    }
}
