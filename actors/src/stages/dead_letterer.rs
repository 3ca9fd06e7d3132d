//! `DeadLetterer`: moves entries that can never be stored to the stream of dead letters.

use std::sync::Arc;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use readings::store::StoreError;
use readings::store::dead_letters::DeadLetter;
use tracing::warn;

use super::batch::DeadLetterBatch;
use crate::flow::retry::retry_forever;
use crate::metrics::METRICS;
use crate::partition_context::PartitionContext;

pub(super) struct DeadLetterer {
    context: Arc<PartitionContext>,
}

impl DeadLetterer {
    pub const fn new(context: Arc<PartitionContext>) -> Self {
        Self { context }
    }

    /// Dead-letters and acknowledges entries, retrying until Redis has confirmed it; then settles them.
    pub async fn dead_letter(&self, batch: DeadLetterBatch) {
        let DeadLetterBatch { dead_letters, permit } = batch;
        for dead_letter in &dead_letters {
            retry_forever(&self.context.outage, || self.write(dead_letter)).await;
        }
        METRICS.dead_lettered(dead_letters.len());
        self.context.traces.fail("dead_lettered", permit.ids().iter().copied());
        log_dead_lettered(&dead_letters);
        permit.settle();
    }

    async fn write(&self, dead_letter: &DeadLetter) -> Result<(), StoreError> {
        let PartitionContext { stream, pipeline, .. } = self.context.as_ref();
        let consumer = &pipeline.config.consumer;
        match stream.dead_letter(dead_letter, consumer).await {
            // The entry is acknowledged in the same step, which needs the group.
            Err(error) if error.is_missing_group() => {
                stream.ensure_group().await?;
                stream.dead_letter(dead_letter, consumer).await
            }
            result => result,
        }
    }
}

fn log_dead_lettered(dead_letters: &[DeadLetter]) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let count = dead_letters.len();
    if let Some(DeadLetter { id, reason, .. }) = dead_letters.first()
        && let Some(suppressed) = THROTTLE.should_log(Instant::now())
    {
        warn!(count, entry = %id, reason, suppressed, "entries dead-lettered; id and reason are those of the first");
    }
}
