//! Leaving the consumer group of a partition, at the end of a drain or when the partition retires.

use readings::store::StoreError;
use tracing::warn;

use crate::partition_context::PartitionContext;

/// Hands over this consumer's pending entries, so that other consumers claim them at once, and deletes
/// the consumer if it has none.
pub(super) async fn leave_group(context: &PartitionContext) -> Result<(), StoreError> {
    let PartitionContext { stream, pipeline, .. } = context;
    let consumer = &pipeline.config.consumer;
    let handed_over = stream.release_pending(consumer).await?;
    if handed_over > 0 {
        warn!(
            handed_over,
            "entries are pending after the drain; other consumers can claim them now"
        );
    }
    stream.delete_consumer(consumer).await.map(drop)
}
