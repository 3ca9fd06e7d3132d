//! Counts errors of the server that may mean that its commands, permissions or entry ids have changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::error::StoreError;
use crate::store::error_class::ErrorClass;

/// Counts replies that report a missing permission, command or entry id, over all connections to one
/// server. A count that has grown since the last server check makes that check run again. Cloning it is
/// cheap.
#[derive(Debug, Clone, Default)]
pub(super) struct RejectionCounter(Arc<AtomicU64>);

impl RejectionCounter {
    /// Counts the error if it is such a rejection.
    pub fn record(&self, error: &StoreError) {
        use ErrorClass::{Denied, Exhausted, Unsuitable};
        if matches!(error.class, Denied | Exhausted | Unsuitable) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Rejections since the process started.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
