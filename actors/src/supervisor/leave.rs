//! Leaving the consumer group at the end of a drain.

use readings::store::StoreError;
use tracing::warn;

use crate::context::PipelineContext;

/// Hands over this consumer's pending entries, so that other consumers claim them at once, and deletes
/// the consumer if it has none.
pub(super) async fn leave_group(context: &PipelineContext) -> Result<(), StoreError> {
    let PipelineContext { stream, config, .. } = context;
    let handed_over = stream.release_pending(&config.consumer).await?;
    if handed_over > 0 {
        warn!(
            handed_over,
            "entries are pending after the drain; other consumers can claim them now"
        );
    }
    stream.delete_consumer(&config.consumer).await.map(drop)
}
