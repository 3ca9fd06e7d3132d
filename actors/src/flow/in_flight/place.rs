//! `Place`: a partition's place in the window.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use readings::store::Partition;
use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::state::State;

/// The state of a window, and what waits for it to change.
#[derive(Debug)]
pub(super) struct Window {
    pub state: Mutex<State>,
    /// Notified when permits are released.
    pub released: Notify,
    /// Held while waiting for capacity: first come, first served, so that no source starves another.
    pub fairness: AsyncMutex<()>,
}

impl Window {
    pub fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after each operation, also when a thread panicked between two.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A partition in a window; cloning it is cheap.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub window: Arc<Window>,
    pub partition: Partition,
    /// Of the partition in the state.
    pub index: usize,
}

impl Place {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.window.state()
    }
}
