//! `OutageGate`: stops reads and claims while a request to Redis is failing.
//!
//! Further entries would only grow the pending entries list: entries in flight cannot be finished before
//! Redis is back. Each partition has a gate of its own, for requests that concern its stream alone: they stop no other
//! partition.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Counts the requests that are failing; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct OutageGate(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    /// The gate of all partitions, in that of one.
    common: Option<OutageGate>,
    failing: watch::Sender<usize>,
    latest_failure: Mutex<Option<Instant>>,
}

impl OutageGate {
    /// The gate of all partitions.
    pub fn new() -> Self {
        Self::with(None)
    }

    /// The gate of a partition, which is closed as well while this one is.
    pub fn of_partition(&self) -> Self {
        Self::with(Some(self.clone()))
    }

    fn with(common: Option<Self>) -> Self {
        let failing = watch::Sender::new(0);
        Self(Arc::new(Gate { common, failing, latest_failure: Mutex::new(None) }))
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
        let common = self.0.common.as_ref();
        latest.is_some_and(|latest| now.saturating_duration_since(latest) < period)
            || common.is_some_and(|common| common.failed_within(period, now))
    }

    /// Waits until no request is failing.
    pub async fn wait_until_clear(&self) {
        let gates = || std::iter::successors(Some(self), |gate| gate.0.common.as_ref());
        // Again from the first: it may have been closed while another was waited for.
        while let Some(closed) = gates().find(|gate| gate.is_closed()) {
            // Err: the sender is gone, which `self` holds.
            let _ = closed.0.failing.subscribe().wait_for(|failing| *failing == 0).await;
        }
    }

    fn is_closed(&self) -> bool {
        *self.0.failing.borrow() > 0
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

    #[tokio::test]
    async fn a_request_of_one_partition_stops_no_other_and_one_of_all_stops_each() {
        let common = OutageGate::new();
        let (failing, other) = (common.of_partition(), common.of_partition());
        let of_partition = failing.enter();
        other.wait_until_clear().await;
        assert!(futures_util::poll!(Box::pin(failing.wait_until_clear())).is_pending());
        drop(of_partition);
        let of_all = common.enter();
        assert!(futures_util::poll!(Box::pin(other.wait_until_clear())).is_pending());
        drop(of_all);
        failing.wait_until_clear().await;
    }

    #[test]
    fn a_failure_of_one_partition_is_none_of_another_and_a_common_one_is_of_each() {
        let (common, now) = (OutageGate::new(), Instant::now());
        let (failing, other) = (common.of_partition(), common.of_partition());
        let failed = |gate: &OutageGate| gate.failed_within(Duration::from_secs(1), now);
        failing.record_failure(now);
        assert_eq!((failed(&failing), failed(&other)), (true, false));
        common.record_failure(now);
        assert!(failed(&other));
    }
}
