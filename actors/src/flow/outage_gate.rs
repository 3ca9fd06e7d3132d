//! `OutageGate`: stops reads and claims while a request to Redis is failing.
//!
//! Further entries would only grow the pending entries list: entries in flight cannot be finished before
//! Redis is back.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts the requests that are failing; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct OutageGate(Arc<watch::Sender<usize>>);

impl OutageGate {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Counts a failing request until the guard is dropped.
    pub fn enter(&self) -> OutageGuard {
        self.0.send_modify(|failing| *failing += 1);
        OutageGuard(self.clone())
    }

    /// Waits until no request is failing.
    pub async fn wait_until_clear(&self) {
        // Err: the sender is gone, which `self` holds.
        let _ = self.0.subscribe().wait_for(|failing| *failing == 0).await;
    }
}

/// A request that is failing and being retried.
#[derive(Debug)]
pub(crate) struct OutageGuard(OutageGate);

impl Drop for OutageGuard {
    fn drop(&mut self) {
        self.0.0.send_modify(|failing| *failing -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_gate_opens_when_no_request_is_failing() {
        let gate = OutageGate::new();
        gate.wait_until_clear().await;
        let first = gate.enter();
        let second = gate.enter();
        let clear = gate.wait_until_clear();
        tokio::pin!(clear);
        drop(first);
        assert!(futures_util::poll!(&mut clear).is_pending());
        drop(second);
        clear.await;
    }
}
