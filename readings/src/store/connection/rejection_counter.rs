//! How often a server has refused what it should do, whichever connection it was over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::error::StoreError;
use crate::store::error_class::ErrorClass;

/// Counts refusals that tell of a lack: of rights, of commands, of ids. Cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<AtomicU64>);

impl Refusals {
    /// Counts it if it is one.
    pub fn note(&self, error: &StoreError) {
        use ErrorClass::{Denied, Exhausted, Unsuitable};
        if matches!(error.class, Denied | Exhausted | Unsuitable) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
