//! `ConsumerJanitor`: sends this consumer's heartbeat, and deletes consumers that have stopped sending one.
//!
//! Without it this consumer looks idle. It is not deleted while it has pending entries, and its next read
//! creates it again.

use std::sync::Arc;
use std::time::Duration;

use readings::store::consumer_instances::ConsumerInstance;
use readings::store::{Partition, StoreError};
use tracing::{info, warn};

use super::periodic_task::PeriodicTask;
use crate::metrics::METRICS;
use crate::partition_context::PartitionContext;

/// How often a heartbeat is sent. Too low and Redis is loaded for nothing; too high and a pause of this
/// process looks like its end.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// A consumer without a heartbeat for this long, and without pending entries, is deleted. Too low and a
/// consumer that was disconnected for a while is deleted for nothing; too high and the list of consumers
/// shows ended ones.
const CONSUMER_TTL: Duration = Duration::from_mins(5);

pub(crate) struct ConsumerJanitor {
    context: Arc<PartitionContext>,
    instance: ConsumerInstance,
}

impl ConsumerJanitor {
    pub fn new(context: Arc<PartitionContext>) -> Self {
        let instance = ConsumerInstance::of(&context.pipeline.config.consumer);
        Self { context, instance }
    }

    /// In one partition: processes of one name have all partitions in common.
    async fn detect_duplicate(&self) -> Result<(), StoreError> {
        if !matches!(self.context.partition(), Partition::Whole | Partition::Numbered(0)) {
            return Ok(());
        }
        if self.context.stream.detect_duplicate(&self.instance).await? {
            METRICS.duplicate_consumer_detected();
            let consumer = &self.context.pipeline.config.consumer;
            warn!(%consumer, "another process has the same CONSUMER_NAME; each repeats the other's work");
        }
        Ok(())
    }
}

impl PeriodicTask for ConsumerJanitor {
    const NAME: &'static str = "delete idle consumers";

    fn interval(&self) -> Option<Duration> {
        Some(HEARTBEAT_INTERVAL)
    }

    async fn run(&mut self) -> Result<(), StoreError> {
        let PartitionContext { stream, pipeline, .. } = self.context.as_ref();
        stream.heartbeat(&pipeline.config.consumer).await?;
        self.context.sync_clock().await?;
        let deleted = stream.delete_idle_consumers(CONSUMER_TTL).await?;
        if !deleted.is_empty() {
            info!(?deleted, "deleted consumers without a heartbeat");
        }
        self.detect_duplicate().await
    }
}
