//! `PartitionContext`: what the actors of one partition use, and its entries in flight refer to.

use std::sync::Arc;
use std::time::Instant;

use readings::store::codec::StreamEntry;
use readings::store::deleted_ids::DeletedIds;
use readings::store::delivery::Delivery;
use readings::store::series::Deduplication;
use readings::store::stream::ReadingStream;
use readings::store::{ErrorClass, Partition, StoreError};
use tokio_util::sync::CancellationToken;

use crate::context::PipelineContext;
use crate::flow::in_flight::PartitionWindow;
use crate::flow::outage_gate::OutageGate;
use crate::flow::progress::Progress;
use crate::flow::retry::retry_forever;
use crate::flow::server_clock::ServerClock;
use crate::flow::traces::Traces;

/// Shared by the actors of a partition and its entries in flight; outlives each of them. What is keyed by the ids of
/// entries is here, as ids of two partitions may be equal.
#[derive(Debug)]
pub(crate) struct PartitionContext {
    pub pipeline: Arc<PipelineContext>,
    pub stream: ReadingStream,
    pub deleted_ids: DeletedIds,
    /// How one reading of a device and an instant is kept, unless all are.
    pub deduplication: Option<Deduplication>,
    pub window: PartitionWindow,
    /// For requests that concern this stream alone.
    pub outage: OutageGate,
    pub traces: Traces,
    /// Of the server that has the stream.
    pub clock: ServerClock,
    pub progress: Progress,
    /// Cancelled when the pipeline drains or the partition retires: its sources stop reading.
    pub draining: CancellationToken,
}

impl PartitionContext {
    /// The context of the partition with this stream.
    pub fn new(pipeline: Arc<PipelineContext>, stream: ReadingStream) -> Self {
        let (keys, config) = (stream.keys(), &pipeline.config);
        let connection = pipeline.partitions.connection().clone();
        Self {
            deleted_ids: DeletedIds::new(keys, connection),
            deduplication: Deduplication::new(config.dedup_policy, keys),
            window: pipeline.window.of_partition(keys.partition()),
            outage: pipeline.outage.of_partition(),
            traces: Traces::default(),
            clock: ServerClock::default(),
            progress: Progress::new(Instant::now()),
            draining: pipeline.draining.child_token(),
            stream,
            pipeline,
        }
    }

    /// The partition.
    pub const fn partition(&self) -> Partition {
        self.stream.keys().partition()
    }

    /// Moves entries that are already dead-lettered, or whose readings were deleted, out of a delivery's entries,
    /// unless the read did so and the entries are new. Retried until Redis answers, and never dropped with an error:
    /// these entries have been delivered, and a server that replaces this one may not have them.
    pub async fn filter_finished(&self, delivery: &mut Delivery) {
        if !delivery.is_filtered && !delivery.is_empty() {
            let ids: Vec<_> = delivery.ids().collect();
            let request = || self.stream.dead_lettered_ids(ids.iter().copied());
            delivery.filter_dead_lettered(&retry_forever(&self.outage, request).await);
            let deleted = retry_forever(&self.outage, || self.deleted_ids.among(&ids)).await;
            for entry in delivery.entries.iter().filter(|entry| deleted.contains(&entry.id)) {
                let remove = || self.remove_deleted(entry);
                retry_forever(&self.outage, remove).await;
            }
            delivery.finish(&deleted);
        }
    }

    /// Removes the reading of a deleted entry: a process may have stored it again, and then ended.
    async fn remove_deleted(&self, entry: &StreamEntry) -> Result<(), StoreError> {
        let series = &self.pipeline.series;
        match series.remove(&entry.reading.site_id, std::slice::from_ref(entry)).await {
            // Then it was not stored either.
            Err(error) if error.class == ErrorClass::WrongType => Ok(()),
            removed => removed,
        }
    }

    /// Reads the server's clock, which the ages of entries are measured by.
    pub async fn sync_clock(&self) -> Result<(), StoreError> {
        self.clock.sync(self.stream.server_time()).await
    }
}
