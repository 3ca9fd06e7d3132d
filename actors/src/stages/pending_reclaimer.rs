//! `PendingReclaimer`: claims entries that other consumers left pending.
//!
//! Owns the cursor of its scan, which starts at the beginning after a restart: an entry that was claimed
//! and then abandoned is pending for this consumer, and the `StreamReader` reads it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use readings::store::stream::Claimed;
use readings::store::{StoreError, StreamId};
use tracing::{info, warn};

use super::delivery_origin::DeliveryOrigin;
use super::source_actor::{EntrySource, Fetched};
use crate::flow::in_flight::Reservation;
use crate::flow::progress::Source;
use crate::flow::retry::jittered_interval;
use crate::partition_context::PartitionContext;

/// The pause between two scans, unless half of `CLAIM_MIN_IDLE_MS` is shorter; jitter makes it up to twice
/// as long. Too low and each replica scans all pending entries for nothing; too high and what an ending
/// process has handed over waits that long.
const SCAN_INTERVAL: Duration = Duration::from_millis(2_500);

pub(crate) struct PendingReclaimer {
    context: Arc<PartitionContext>,
    cursor: StreamId,
    /// Consecutive scans that failed.
    failures: u32,
    pauses: backon::ConstantBackoff,
}

impl EntrySource for PendingReclaimer {
    const SOURCE: Source = Source::PendingReclaimer;

    async fn reserve(&self) -> Reservation {
        self.context.window.reserve(self.context.pipeline.config.batch_size).await
    }

    async fn fetch(&mut self, limit: usize) -> Result<Fetched, StoreError> {
        let PartitionContext { stream, pipeline, .. } = self.context.as_ref();
        let config = &pipeline.config;
        let claim = stream.claim(&config.consumer, config.claim_min_idle, self.cursor, limit);
        let Claimed { cursor, mut delivery } = claim.await?;
        self.context.filter_finished(&mut delivery).await;
        self.cursor = cursor;
        self.failures = 0;
        log_claimed(delivery.len());
        // `XAUTOCLAIM` returns cursor 0-0 at the end of the pending entries list.
        let scan_is_complete = cursor == StreamId::ZERO;
        let pause = scan_is_complete.then(|| self.next_pause());
        Ok(Fetched { origin: DeliveryOrigin::Claimed, delivery, pause })
    }

    /// The `StreamReader` reports an unavailable Redis, and creates a missing group.
    fn on_failure(&mut self, error: &StoreError) -> Duration {
        if error.is_missing_group() {
            self.cursor = StreamId::ZERO;
        } else {
            self.failures += 1;
            if self.failures.is_power_of_two() {
                let failures = self.failures;
                warn!(%error, failures, "cannot claim pending entries of other consumers");
            }
        }
        self.next_pause()
    }
}

impl PendingReclaimer {
    pub fn new(context: Arc<PartitionContext>) -> Self {
        let interval = SCAN_INTERVAL.min(context.pipeline.config.claim_min_idle / 2);
        Self { context, cursor: StreamId::ZERO, failures: 0, pauses: jittered_interval(interval) }
    }

    fn next_pause(&mut self) -> Duration {
        // Never `None`: the intervals have no limit.
        self.pauses.next().unwrap_or(SCAN_INTERVAL)
    }
}

fn log_claimed(entries: usize) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if entries > 0
        && let Some(suppressed) = THROTTLE.should_log(Instant::now())
    {
        info!(entries, suppressed, "claimed entries that other consumers left pending");
    }
}

#[cfg(test)]
mod tests;
