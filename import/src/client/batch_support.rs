//! What responses have shown about batches of the service.

use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::batch_response::MAX_BATCH_SIZE;

/// What is known about batches of the service.
pub struct BatchSupport {
    /// Whether a response said that it has none.
    pub is_unsupported: AtomicBool,
    /// The largest batch that a response did not call too large.
    pub max_rows: AtomicUsize,
}

impl Default for BatchSupport {
    fn default() -> Self {
        let max_rows = AtomicUsize::new(usize::from(MAX_BATCH_SIZE));
        Self { is_unsupported: AtomicBool::new(false), max_rows }
    }
}
