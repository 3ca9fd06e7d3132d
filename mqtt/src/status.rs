//! Whether a bridge is connected, for probes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The state of a bridge; clones share it.
#[derive(Debug, Clone, Default)]
pub struct BridgeStatus(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_subscribed: AtomicBool,
    /// Why it is not.
    reason: Mutex<String>,
}

impl BridgeStatus {
    /// Whether the broker has confirmed all subscriptions of the present connection.
    ///
    /// # Errors
    /// Why it has not.
    pub fn check(&self) -> Result<(), String> {
        if self.0.is_subscribed.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(self.0.reason.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    pub(crate) fn subscribed(&self) {
        self.0.is_subscribed.store(true, Ordering::Release);
    }

    pub(crate) fn disconnected(&self, reason: String) {
        self.0.is_subscribed.store(false, Ordering::Release);
        *self.0.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}
