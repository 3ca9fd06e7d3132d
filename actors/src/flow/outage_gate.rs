//! `OutageGate`: stops reads and claims while a request to Redis is failing.
//!
//! Further entries would only grow the pending entries list: entries in flight cannot be finished before
//! Redis is back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Counts the requests that are failing; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct OutageGate(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    failing: watch::Sender<usize>,
    latest_failure: Mutex<Option<Instant>>,
}

impl OutageGate {
    pub fn new() -> Self {
        let failing = watch::Sender::new(0);
        Self(Arc::new(Gate { failing, latest_failure: Mutex::new(None) }))
    }

    /// Counts a failing request until the guard is dropped.
    pub fn enter(&self) -> OutageGuard {
        self.0.failing.send_modify(|failing| *failing += 1);
        OutageGuard(self.clone())
    }

    /// Records that an attempt has failed.
    pub fn record_failure(&self, now: Instant) {
        let latest = self.0.latest_failure.lock();
        *latest.unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// Whether an attempt has failed within this time.
    pub fn failed_within(&self, period: Duration, now: Instant) -> bool {
        let latest = self.0.latest_failure.lock();
        let latest = *latest.unwrap_or_else(PoisonError::into_inner);
        latest.is_some_and(|latest| now.saturating_duration_since(latest) < period)
    }

    /// Waits until no request is failing.
    pub async fn wait_until_clear(&self) {
        // Err: the sender is gone, which `self` holds.
        let _ = self.0.failing.subscribe().wait_for(|failing| *failing == 0).await;
    }
}

/// A request that is failing and being retried.
#[derive(Debug)]
pub(crate) struct OutageGuard(OutageGate);

impl Drop for OutageGuard {
    fn drop(&mut self) {
        self.0.0.failing.send_modify(|failing| *failing -= 1);
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
