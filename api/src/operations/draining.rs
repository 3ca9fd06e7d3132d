//! Whether a service has begun to shut down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set once a service has begun to shut down; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on the service is not ready.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
