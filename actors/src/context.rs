//! `PipelineContext`: the connections, limits and records that all actors of a pipeline use.

use std::time::Instant;

use readings::store::codec::StreamEntry;
use readings::store::deleted_ids::DeletedIds;
use readings::store::delivery::Delivery;
use readings::store::series::{Deduplication, SeriesStore};
use readings::store::site_index::SiteIndex;
use readings::store::stream::ReadingStream;
use readings::store::{ErrorClass, RedisServer, StoreError};
use tokio_util::sync::CancellationToken;

use crate::config::PipelineConfig;
use crate::flow::in_flight::InFlightWindow;
use crate::flow::outage_gate::OutageGate;
use crate::flow::progress::Progress;
use crate::flow::retry::retry_forever;
use crate::flow::server_clock::ServerClock;
use crate::flow::throttle::Throttle;
use crate::flow::traces::Traces;

/// Shared by all actors of a pipeline; outlives each of them.
#[derive(Debug)]
pub(crate) struct PipelineContext {
    pub config: PipelineConfig,
    pub server: RedisServer,
    pub stream: ReadingStream,
    pub series: SeriesStore,
    pub sites: SiteIndex,
    pub deleted_ids: DeletedIds,
    /// How one reading of a device and an instant is kept, unless all are.
    pub deduplication: Option<Deduplication>,
    pub window: InFlightWindow,
    pub outage: OutageGate,
    pub throttle: Throttle,
    pub traces: Traces,
    pub clock: ServerClock,
    pub progress: Progress,
    /// Cancelled when the pipeline drains: the sources stop reading.
    pub draining: CancellationToken,
}

impl PipelineContext {
    pub fn new(config: PipelineConfig, server: RedisServer) -> Self {
        let connection = server.shared();
        Self {
            stream: ReadingStream::new(config.keys.clone(), connection.clone()),
            series: SeriesStore::new(connection.clone()),
            deleted_ids: DeletedIds::new(&config.keys, connection.clone()),
            deduplication: Deduplication::new(config.dedup_policy, &config.keys),
            sites: SiteIndex::new(&config.keys, connection),
            window: InFlightWindow::new(config.max_in_flight),
            outage: OutageGate::new(),
            throttle: Throttle::new(config.processing_delay),
            traces: Traces::default(),
            clock: ServerClock::default(),
            progress: Progress::new(Instant::now()),
            draining: CancellationToken::new(),
            config,
            server,
        }
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
        match self.series.remove(&entry.reading.site_id, std::slice::from_ref(entry)).await {
            // Then it was not stored either.
            Err(error) if error.class == ErrorClass::WrongType => Ok(()),
            removed => removed,
        }
    }

    /// Reads the server's clock, which the ages of entries are measured by.
    pub async fn sync_clock(&self) -> Result<(), StoreError> {
        self.clock.sync(self.stream.server_time()).await
    }

    /// Whether another consumer may have claimed entries that were requested at this time. True from
    /// half of `claim_min_idle` on: the other half is the margin for the write that follows.
    pub fn may_have_been_claimed(&self, requested_at: Instant) -> bool {
        requested_at.elapsed() >= self.config.claim_min_idle / 2
    }
}
