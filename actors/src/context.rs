//! `PipelineContext`: the connections, limits and records that all actors of a pipeline use.

use std::time::Instant;

use readings::store::RedisServer;
use readings::store::series::SeriesStore;
use readings::store::site_index::SiteIndex;
use readings::store::stream::StreamPartitions;
use tokio_util::sync::CancellationToken;

use crate::config::PipelineConfig;
use crate::flow::in_flight::InFlightWindow;
use crate::flow::outage_gate::OutageGate;
use crate::flow::throttle::Throttle;

/// Shared by all actors of a pipeline; outlives each of them.
#[derive(Debug)]
pub(crate) struct PipelineContext {
    pub config: PipelineConfig,
    pub server: RedisServer,
    pub partitions: StreamPartitions,
    pub series: SeriesStore,
    pub sites: SiteIndex,
    pub window: InFlightWindow,
    pub outage: OutageGate,
    pub throttle: Throttle,
    /// Cancelled when the pipeline drains: the sources stop reading.
    pub draining: CancellationToken,
}

impl PipelineContext {
    /// A context with a connection of its own to the server. Which partitions are current is found out by the owner of
    /// `partitions`.
    pub fn new(config: PipelineConfig, server: RedisServer, partitions: &StreamPartitions) -> Self {
        let connection = server.shared();
        Self {
            partitions: partitions.with_connection(&connection),
            series: SeriesStore::new(connection.clone()),
            sites: SiteIndex::new(&config.keys, connection),
            window: InFlightWindow::new(config.max_in_flight),
            outage: OutageGate::new(),
            throttle: Throttle::new(config.processing_delay),
            draining: CancellationToken::new(),
            config,
            server,
        }
    }

    /// Whether another consumer may have claimed entries that were requested at this time. True from
    /// half of `claim_min_idle` on: the other half is the margin for the write that follows.
    pub fn may_have_been_claimed(&self, requested_at: Instant) -> bool {
        requested_at.elapsed() >= self.config.claim_min_idle / 2
    }
}
