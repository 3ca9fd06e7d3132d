//! The Ingestion API.

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use api::ingestion::line_protocol::LineMapping;
use api::ingestion::remote_write::RemoteWriteMapping;
use api::ingestion::{BacklogLimit, IngestionApi};
use api::operations::{
    CheckLiveness, IngestionHealthApi, MetricsApi, ProbesApi, PrometheusApi, Readiness,
};
use api::spec::{self, Service};
use poem::{Endpoint, Response};
use readings::store::Requirements;
use readings::store::receivers::{self, Receiver, ReceiverReporter};
use readings::store::stream::{ReadingStream, StreamPartitions};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::http_server::{HttpServer, HttpServers};
use super::runtime_thread::spawn_runtime_thread;
use super::service_context::ServiceContext;
use crate::config::{
    IngestionLimitSettings, IngestionSettings, LineProtocolSettings, RemoteWriteSettings,
};
use crate::shutdown;

/// Interval at which the group is created if it is missing. Too low: needless commands. Too high: after a
/// `FLUSHALL` autoscalers know no backlog for that long.
const GROUP_INTERVAL: Duration = Duration::from_secs(5);

/// Serves until a signal stops the process.
///
/// # Errors
/// When a setting is invalid, or the port is in use.
pub async fn run(settings: IngestionSettings) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    settings.power.apply();
    let limits =
        IngestionLimits::new(&settings.limits, &settings.line_protocol, &settings.remote_write)?;
    let redis = settings.redis.server()?;
    let access = settings.http.access.policy()?;
    let context = ServiceContext::new(&settings.redis, redis, Requirements::for_ingestion)
        .with_access(access);
    let servers = HttpServers::new(&settings.http, Ipv4Addr::UNSPECIFIED)?;
    HttpServer::spawn_monitoring(servers.bind_monitoring().await?, || monitoring(&context));
    let server = servers.bind(settings.port.setting(), &stop, settings.drain.timeout()).await?;
    context.spawn_monitors_without_pending();
    spawn_monitors(&context, &limits);
    let ingestion_stopped = CancellationToken::new();
    let serving = async {
        let threads = settings.threads.ingestion_threads;
        let result = serve_in_threads(threads, server, &context, &limits).await;
        ingestion_stopped.cancel();
        result
    };
    let reporting = report_receivers(&context, &ingestion_stopped);
    tokio::join!(serving, context.drain_on(&stop), reporting).0
}

/// Reports what the receivers of this process accept, until no more readings are accepted.
pub async fn report_receivers(context: &ServiceContext, ingestion_stopped: &CancellationToken) {
    receivers::expose(&Receiver::OF_INGESTION_API);
    let reporter = ReceiverReporter::new(&context.keys, context.queries.clone());
    reporter.run(ingestion_stopped.cancelled()).await;
}

/// Serves in this number of threads, the current one included; each has its own connections to Redis.
async fn serve_in_threads(
    threads: NonZeroUsize,
    server: HttpServer,
    context: &ServiceContext,
    limits: &IngestionLimits,
) -> anyhow::Result<()> {
    let mut others = JoinSet::new();
    for _ in 1..threads.get() {
        let runtime = spawn_runtime_thread("ingestion")?;
        let server = server.clone_to(&runtime)?;
        let endpoint = service(&context.with_own_connections(), limits).endpoint;
        others.spawn_on(server.serve(endpoint), &runtime);
    }
    let endpoint = service(context, limits).endpoint;
    server.announce_and_serve("ingestion-api", endpoint).await?;
    others.join_all().await.into_iter().collect()
}

/// Limits of the service, how it maps what receivers receive, and the backlog as it was last sampled.
#[derive(Debug, Clone, Default)]
pub struct IngestionLimits {
    idempotency_ttl: Duration,
    max_backlog: Option<u64>,
    backlog: BacklogLimit,
    line_mapping: Arc<LineMapping>,
    remote_write: Arc<RemoteWriteMapping>,
}

impl IngestionLimits {
    /// The limits of the settings.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub fn new(
        settings: &IngestionLimitSettings,
        line_protocol: &LineProtocolSettings,
        remote_write: &RemoteWriteSettings,
    ) -> anyhow::Result<Self> {
        let line_mapping = Arc::new(line_protocol.mapping());
        let remote_write = Arc::new(remote_write.mapping());
        Ok(Self { line_mapping, remote_write, ..Self::without_mappings(settings)? })
    }

    /// Those of a role whose receivers have mappings of their own.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub fn without_mappings(settings: &IngestionLimitSettings) -> anyhow::Result<Self> {
        Ok(Self {
            idempotency_ttl: settings.idempotency_ttl()?,
            max_backlog: settings.max_backlog(),
            ..Self::default()
        })
    }

    /// How long a key is kept at least.
    pub const fn idempotency_ttl(&self) -> Duration {
        self.idempotency_ttl
    }

    /// The limit of the backlog.
    pub fn backlog(&self) -> BacklogLimit {
        self.backlog.clone()
    }
}

/// Spawns, until the process exits, the creation of the consumer groups, the announcement of the number of partitions and
/// the sampling of the backlog.
pub fn spawn_monitors(context: &ServiceContext, limits: &IngestionLimits) {
    let (partitions, limits) = (append_partitions(context), limits.clone());
    for stream in partitions.own() {
        tokio::spawn(keep_group_created(stream.clone()));
    }
    tokio::spawn(async move {
        tokio::join!(
            partitions.clone().keep_announced(),
            limits.backlog.poll(partitions, limits.max_backlog),
        );
    });
}

/// The service with its endpoint and its OpenAPI document.
pub fn service(
    context: &ServiceContext,
    limits: &IngestionLimits,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let partitions = append_partitions(context);
    spec::ingestion_api(
        context.access.clone(),
        IngestionApi {
            partitions: partitions.clone(),
            idempotency_ttl: limits.idempotency_ttl,
            backlog: limits.backlog.clone(),
        },
        Arc::clone(&limits.line_mapping),
        Arc::clone(&limits.remote_write),
        IngestionHealthApi { connection: context.queries.clone() },
        MetricsApi {
            partitions: context.partitions.clone(),
            prometheus: context.prometheus.clone(),
        },
        probes(context, partitions),
    )
}

/// What `METRICS_PORT` serves.
fn monitoring(context: &ServiceContext) -> impl Endpoint<Output = Response> + 'static {
    spec::monitoring(
        IngestionHealthApi { connection: context.queries.clone() },
        PrometheusApi(context.prometheus.clone()),
        probes(context, append_partitions(context)),
    )
}

fn probes(context: &ServiceContext, partitions: StreamPartitions) -> ProbesApi {
    let readiness = Readiness::Writes(partitions, context.queries.clone());
    ProbesApi::new(CheckLiveness::default(), readiness, context.draining.clone())
}

/// Creates the stream and the consumer group whenever they are missing: an autoscaler that finds no group
/// sees no backlog, and starts no processing service that would create the group.
async fn keep_group_created(stream: ReadingStream) {
    let mut failures = 0_u32;
    loop {
        match stream.ensure_group().await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                if failures.is_power_of_two() {
                    warn!(%error, failures, "cannot create the consumer group");
                }
            }
        }
        sleep(GROUP_INTERVAL).await;
    }
}

/// The partitions over the connection for appends.
pub fn append_partitions(context: &ServiceContext) -> StreamPartitions {
    context.partitions.with_connection(&context.ingestion)
}
