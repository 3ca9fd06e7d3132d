//! The connections and the state that the services of one process share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actors::Liveness;
use api::access::AccessPolicy;
use api::draining::Draining;
use api::operations::{CheckLiveness, RenderPrometheus, StreamMonitor, TierMonitor};
use api::query::events::EventStreams;
use archive::ParquetArchive;
use readings::store::Misconfiguration;
use readings::store::archive::DayArchive;
use readings::store::catalog::SiteCatalog;
use readings::store::series::SeriesStore;
use readings::store::site_index::SiteIndex;
use readings::store::stream::StreamPartitions;
use readings::store::{
    Keys, Partition, PartitionCount, RedisServer, ReplicaLag, Requirements, SharedConnection,
    StoreError,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::index_check::warn_missing_sites;
use crate::config::RedisSettings;
use crate::telemetry;

/// Pause between attempts to check the server's configuration. Too low: needless commands while Redis is
/// down. Too high: the warnings are late.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Redis, its keys, and the state of this process.
#[derive(Debug, Clone)]
pub struct ServiceContext {
    pub server: RedisServer,
    pub keys: Keys,
    /// For appends only, so that no query delays one.
    pub ingestion: SharedConnection,
    /// For queries and health checks, so that no range delays an append or an acknowledgement.
    pub queries: SharedConnection,
    /// For queries of stored readings: that for queries, or one to a replica.
    pub reads: SharedConnection,
    /// How far reads may be behind, where they are from a replica.
    pub lag: Option<ReplicaLag>,
    /// The partitions of the stream over the connection for queries.
    pub partitions: StreamPartitions,
    pub prometheus: RenderPrometheus,
    pub draining: Draining,
    /// The progress of the pipeline; empty until one is started in this process.
    pub liveness: Arc<OnceLock<Liveness>>,
    /// The stream as it was last sampled.
    pub monitor: StreamMonitor,
    /// The tiers as they were last sampled.
    pub tiers: TierMonitor,
    /// Maximum number of unread and pending entries, if this process knows it.
    pub max_backlog: Option<u64>,
    /// The event streams of the process.
    pub event_streams: EventStreams,
    /// Which requests need an API key.
    pub access: AccessPolicy,
    /// The archive, where one is configured.
    pub archive: Option<ParquetArchive>,
    /// Whether the server is the private Redis of this process, whose configuration is ours.
    is_private: bool,
}

impl ServiceContext {
    /// A context for the server with the given requirements; it connects on first use.
    pub fn new(
        settings: &RedisSettings,
        server: RedisServer,
        requirements: impl Fn(&Keys) -> Requirements,
    ) -> Self {
        let (keys, count) = (settings.keys(), settings.partitions());
        info!(server = server.name(), "connects to Redis");
        let mut required = requirements(&keys);
        if count > PartitionCount::ONE {
            // Permissions are for a pattern of keys: one partition stands for all.
            let partition = keys.of_partition(Partition::Numbered(0));
            required = requirements(&partition).and(required);
        }
        if server.replica_wait().is_some() {
            required = required.and(Requirements::for_replica_wait(&keys));
        }
        let replicas = server.replicas().filter(|_| settings.reads_from_replica());
        let replicas = replicas.map(|it| {
            let mut required = Requirements::for_queries(&keys);
            if it.is_cluster() {
                required = required.and(Requirements::for_reads_of_cluster());
            }
            it.requiring(required)
        });
        let server = server.requiring(required);
        Self::with(server, keys, count, telemetry::renderer()).reading_from(replicas)
    }

    /// A context for OpenAPI documents, which never connects.
    pub fn unconnected(server: RedisServer) -> Self {
        let renderer = RenderPrometheus::new(String::new);
        Self::with(server, Keys::new("", ""), PartitionCount::ONE, renderer)
    }

    fn reading_from(self, replicas: Option<RedisServer>) -> Self {
        let Some(replicas) = replicas else { return self };
        let reads = replicas.shared();
        let lag = ReplicaLag::new(reads.clone(), self.queries.clone());
        Self { reads, lag: Some(lag), ..self }
    }

    fn with(
        server: RedisServer,
        keys: Keys,
        count: PartitionCount,
        prometheus: RenderPrometheus,
    ) -> Self {
        let (queries, draining) = (server.shared(), Draining::default());
        let partitions = StreamPartitions::new(&keys, count, &queries);
        let event_streams =
            EventStreams::new(partitions.clone(), server.clone(), draining.clone(), 1);
        Self {
            ingestion: server.shared(),
            event_streams,
            partitions,
            reads: queries.clone(),
            lag: None,
            queries,
            server,
            keys,
            prometheus,
            draining,
            liveness: Arc::default(),
            monitor: StreamMonitor::default(),
            tiers: TierMonitor::default(),
            max_backlog: None,
            access: AccessPolicy::open(),
            archive: None,
            is_private: false,
        }
    }

    /// Checks the progress of this process' pipeline; always live without one.
    pub fn check_liveness(&self) -> CheckLiveness {
        let liveness = Arc::clone(&self.liveness);
        CheckLiveness::new(move || match liveness.get().map(Liveness::check) {
            Some(Err(stalled)) => Err(stalled.to_string()),
            Some(Ok(())) | None => Ok(()),
        })
    }

    /// The context with connections for another thread, which must not wait for replies to this one's
    /// commands.
    pub fn with_own_connections(&self) -> Self {
        let (ingestion, queries) = (self.server.shared(), self.server.shared());
        let partitions = self.partitions.with_connection(&queries);
        Self { ingestion, queries, partitions, ..self.clone() }
    }

    /// The context with the maximum backlog.
    pub fn with_max_backlog(self, max_backlog: Option<u64>) -> Self {
        Self { max_backlog, ..self }
    }

    /// The context with this maximum number of event streams.
    pub fn with_event_streams(self, limit: usize) -> Self {
        let (partitions, server) = (self.partitions.clone(), self.server.clone());
        let event_streams = EventStreams::new(partitions, server, self.draining.clone(), limit);
        Self { event_streams, ..self }
    }

    /// The context of services whose requests need the keys of this policy.
    pub fn with_access(self, access: AccessPolicy) -> Self {
        Self { access, ..self }
    }

    /// The context of services that read archived days.
    pub fn with_archive(self, archive: Option<ParquetArchive>) -> Self {
        Self { archive, ..self }
    }

    /// The stored readings over a connection, those of archived days included.
    pub fn series(&self, connection: SharedConnection) -> SeriesStore {
        let archive = self.archive.clone().map(|archive| Arc::new(archive) as Arc<dyn DayArchive>);
        SeriesStore::new(connection).with_archive(archive)
    }

    /// The context for a server that this process has started.
    pub fn with_private_redis(self) -> Self {
        Self { is_private: true, ..self }
    }

    /// Spawns, until the process exits, the sampling of the stream and of the tiers, the refresh of its partitions, the check of the
    /// server's configuration and that of the site index.
    pub fn spawn_monitors(&self) {
        self.spawn_monitors_with(true);
        match &self.lag {
            Some(lag) => drop(tokio::spawn(lag.clone().run())),
            None => ReplicaLag::register_none(),
        }
        let catalog = SiteCatalog::new(&self.keys, self.queries.clone());
        tokio::spawn(self.tiers.clone().run(catalog));
        let index = SiteIndex::new(&self.keys, self.queries.clone());
        tokio::spawn(warn_missing_sites(index));
    }

    /// As [`ServiceContext::spawn_monitors`], for a service whose user may not read pending entries
    /// (`XPENDING`).
    pub fn spawn_monitors_without_pending(&self) {
        self.spawn_monitors_with(false);
    }

    fn spawn_monitors_with(&self, reads_pending: bool) {
        let context = self.clone();
        tokio::spawn(async move {
            let sampling = context.monitor.clone().run(context.partitions.clone(), reads_pending);
            let current = context.partitions.clone().keep_current();
            tokio::join!(sampling, context.warn_misconfiguration(), current);
        });
    }

    /// Begins draining when `stop` is cancelled: readiness fails, so that load balancers send no new
    /// requests.
    pub async fn drain_on(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        self.draining.begin();
    }

    /// Logs once, as soon as Redis responds, each setting of the server that endangers readings.
    async fn warn_misconfiguration(&self) {
        let found = loop {
            match self.misconfigurations().await {
                Ok(found) => break found,
                Err(_) => sleep(CHECK_INTERVAL).await,
            }
        };
        for misconfiguration in found {
            match misconfiguration {
                // The configuration of a private Redis is not the user's to change.
                Misconfiguration::NoMemoryLimit if self.is_private => {}
                Misconfiguration::NoMemoryLimit => info!("{misconfiguration}"),
                severe if severe.fails_readiness() => error!("{severe}"),
                other => warn!("{other}"),
            }
        }
    }

    async fn misconfigurations(&self) -> Result<Vec<Misconfiguration>, StoreError> {
        let mut found = self.queries.server_check().await?.misconfigurations();
        // A user without the required permissions may not be permitted `INFO` and `CONFIG GET` either.
        if !found.iter().any(Misconfiguration::fails_readiness) {
            found.extend(self.queries.server_info().await?.check());
        }
        Ok(found)
    }
}
