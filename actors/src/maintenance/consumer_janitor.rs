//! `ConsumerJanitor`: sends this consumer's heartbeat, and deletes consumers that have stopped sending one.
//!
//! Without it this consumer looks idle. It is not deleted while it has pending entries, and its next read
//! creates it again.

use std::sync::Arc;
use std::time::Duration;

use readings::store::StoreError;
use readings::store::consumer_instances::ConsumerInstance;
use tracing::{info, warn};

use super::periodic_task::PeriodicTask;
use crate::context::PipelineContext;
use crate::metrics::METRICS;

/// How often a heartbeat is sent. Too low and Redis is loaded for nothing; too high and a pause of this
/// process looks like its end.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// A consumer without a heartbeat for this long, and without pending entries, is deleted. Too low and a
/// consumer that was disconnected for a while is deleted for nothing; too high and the list of consumers
/// shows ended ones.
const CONSUMER_TTL: Duration = Duration::from_mins(5);

pub(crate) struct ConsumerJanitor {
    context: Arc<PipelineContext>,
    instance: ConsumerInstance,
}

impl ConsumerJanitor {
    pub fn new(context: Arc<PipelineContext>) -> Self {
        let instance = ConsumerInstance::of(&context.config.consumer);
        Self { context, instance }
    }

    async fn detect_duplicate(&self) -> Result<(), StoreError> {
        if self.context.stream.detect_duplicate(&self.instance).await? {
            METRICS.duplicate_consumer_detected();
            let consumer = &self.context.config.consumer;
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
        let PipelineContext { stream, config, .. } = self.context.as_ref();
        stream.heartbeat(&config.consumer).await?;
        self.context.sync_clock().await?;
        let deleted = stream.delete_idle_consumers(CONSUMER_TTL).await?;
        if !deleted.is_empty() {
            info!(?deleted, "deleted consumers without a heartbeat");
        }
        self.detect_duplicate().await
    }
}
