//! `Trimmer`: trims entries that all groups have acknowledged from the stream.
//!
//! Without it the stream grows. Any number of replicas may trim: each run computes the bound, which only
//! rises.

use std::sync::Arc;
use std::time::Duration;

use readings::store::StoreError;
use tracing::debug;

use super::periodic_task::PeriodicTask;
use crate::metrics::METRICS;
use crate::partition_context::PartitionContext;

/// How often the stream is trimmed. Too low and Redis computes the bound for nothing; too high and it holds
/// that much more (94 bytes a reading).
const TRIM_INTERVAL: Duration = Duration::from_secs(5);

pub(crate) struct Trimmer(pub Arc<PartitionContext>);

impl PeriodicTask for Trimmer {
    const NAME: &'static str = "trim the stream";

    /// Half the retention at most: the effect of a short one is to be seen in time.
    fn interval(&self) -> Option<Duration> {
        let half = self.0.pipeline.config.stream_retention / 2;
        // Bounded from below as well: a retention of 0 would trim without a pause.
        Some(TRIM_INTERVAL.min(half).max(TRIM_INTERVAL / 5))
    }

    async fn run(&mut self) -> Result<(), StoreError> {
        let PartitionContext { stream, deleted_ids, pipeline, .. } = self.0.as_ref();
        let entries = stream.trim(pipeline.config.stream_retention).await?;
        METRICS.trimmed(entries);
        debug!(entries, "trimmed the stream");
        stream.forget_deleted_ids(deleted_ids).await
    }
}
