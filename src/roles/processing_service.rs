//! The Processing Service: the pipeline, and queries of the stored readings.

use std::net::Ipv4Addr;
use std::time::Duration;

use actors::{Pipeline, PipelineConfig};
use api::operations::{
    DeadLettersApi, MetricsApi, PipelineApi, ProbesApi, ProcessingHealthApi, PrometheusApi,
    Readiness, ReceiversApi,
};
use api::query::events::EventsApi;
use api::query::{AggregatesApi, CatalogApi, DeletionApi, QueryApi};
use api::spec::{self, Service};
use poem::{Endpoint, Response};
use readings::store::Requirements;
use readings::store::catalog::SiteCatalog;
use readings::store::deletion::ReadingDeleter;
use readings::store::receivers::ReceiverStates;
use readings::store::rollups::RollupStore;
use readings::store::tier_runs::TierRuns;
use tokio_util::sync::CancellationToken;

use super::archiving;
use super::http_server::{HttpServer, HttpServers};
use super::runtime_thread::spawn_runtime_thread;
use super::service_context::ServiceContext;
use crate::config::ProcessingSettings;
use crate::shutdown;

/// How long queries in progress may take to complete once the pipeline is drained. Too low: long responses
/// are cut off. Too high: a slow client delays the exit.
pub const QUERY_GRACE: Duration = Duration::from_secs(5);

/// Runs until a signal stops the process; then drains the pipeline, and stops serving queries after that.
///
/// # Errors
/// When a setting is invalid, the port is in use, or the pipeline fails.
pub async fn run(settings: ProcessingSettings) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    settings.power.apply();
    let config = settings.consumer.pipeline(&settings.redis)?;
    let redis = settings.redis.server()?;
    let access = settings.http.access.policy()?;
    let archive = settings.archiving.open_for(&settings.consumer)?;
    let event_streams = settings.event_streams.limit(&settings.http.connections)?;
    let context = ServiceContext::new(&settings.redis, redis, Requirements::for_processing)
        .with_event_streams(event_streams)
        .with_access(access)
        .with_archive(archive);
    let pipeline_drained = CancellationToken::new();
    let servers = HttpServers::new(&settings.http, Ipv4Addr::UNSPECIFIED)?;
    HttpServer::spawn_monitoring(servers.bind_monitoring().await?, || {
        monitoring(&context, &config.consumer)
    });
    let server = servers.bind(settings.port.setting(), &pipeline_drained, QUERY_GRACE).await?;
    let endpoint = service(&context, &config.consumer).endpoint;
    let pipeline = start_pipeline(config, &context).await?;
    archiving::spawn(&context, settings.archiving.of_service(&settings.consumer))?;
    context.spawn_monitors();
    let processing = async {
        let result = run_pipeline(pipeline, &context, &stop).await;
        pipeline_drained.cancel();
        result
    };
    let serving = server.announce_and_serve("processing-service", endpoint);
    let (pipeline_result, http_result) = tokio::join!(processing, serving);
    pipeline_result.and(http_result)
}

/// Starts the pipeline in a thread of its own. Requests are served in another one: a response of a million
/// readings does not delay the pipeline, nor the other way round.
///
/// # Errors
/// When the system provides no more threads, or the pipeline cannot start.
pub async fn start_pipeline(
    config: PipelineConfig,
    context: &ServiceContext,
) -> anyhow::Result<Pipeline> {
    let (server, partitions) = (context.server.clone(), context.partitions.clone());
    let starting = async move { Pipeline::start(config, server, &partitions).await };
    let pipeline = spawn_runtime_thread("pipeline")?.spawn(starting).await??;
    // Err: set before, as a process has one pipeline.
    let _ = context.liveness.set(pipeline.liveness());
    Ok(pipeline)
}

/// Runs the pipeline until `stop` is cancelled, and drains it then.
///
/// # Errors
/// When the pipeline fails.
pub async fn run_pipeline(
    mut pipeline: Pipeline,
    context: &ServiceContext,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    tokio::select! {
        failed = pipeline.failed() => {
            context.draining.begin();
            Err(failed.into())
        }
        () = stop.cancelled() => {
            context.draining.begin();
            pipeline.shutdown().await;
            Ok(())
        }
    }
}

/// The service with its endpoint and its OpenAPI document.
pub fn service(
    context: &ServiceContext,
    consumer: &str,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    service_with(context, consumer, writes(context))
}

/// What `METRICS_PORT` serves.
pub fn monitoring(
    context: &ServiceContext,
    consumer: &str,
) -> impl Endpoint<Output = Response> + 'static {
    monitoring_with(context, consumer, writes(context))
}

/// The same with another readiness check.
pub fn monitoring_with(
    context: &ServiceContext,
    consumer: &str,
    readiness: Readiness,
) -> impl Endpoint<Output = Response> + 'static {
    spec::monitoring(
        health(context, consumer),
        PrometheusApi(context.prometheus.clone()),
        probes(context, readiness),
    )
}

fn writes(context: &ServiceContext) -> Readiness {
    Readiness::Writes(context.partitions.clone(), context.queries.clone())
}

fn health(context: &ServiceContext, consumer: &str) -> ProcessingHealthApi {
    let (partitions, connection) = (context.partitions.clone(), context.queries.clone());
    ProcessingHealthApi { partitions, connection, consumer: consumer.to_owned() }
}

fn probes(context: &ServiceContext, readiness: Readiness) -> ProbesApi {
    ProbesApi::new(context.check_liveness(), readiness, context.draining.clone())
}

/// The service with another readiness check.
pub fn service_with(
    context: &ServiceContext,
    consumer: &str,
    readiness: Readiness,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let connection = context.queries.clone();
    let reads = context.series(context.reads.clone());
    let catalog = SiteCatalog::reading_from(&context.keys, reads.clone(), connection.clone());
    let primary = context.series(connection.clone());
    let queries = (
        QueryApi::new(reads.clone()),
        CatalogApi::new(catalog),
        AggregatesApi::new(RollupStore::reading_from(reads, connection)),
        EventsApi { streams: context.event_streams.clone(), access: context.access.clone() },
        DeletionApi::new(ReadingDeleter::new(context.partitions.clone(), primary)),
    );
    spec::processing_service(
        context.access.clone(),
        queries,
        health(context, consumer),
        MetricsApi {
            partitions: context.partitions.clone(),
            prometheus: context.prometheus.clone(),
        },
        operations(context),
        probes(context, readiness),
        context.lag.clone(),
    )
}

/// What operators see and do.
fn operations(context: &ServiceContext) -> (PipelineApi, ReceiversApi, DeadLettersApi) {
    let partitions = context.partitions.clone();
    let pipeline = PipelineApi {
        partitions: partitions.clone(),
        monitor: context.monitor.clone(),
        tiers: context.tiers.clone(),
        tier_runs: TierRuns::new(&context.keys, context.queries.clone()),
        max_length: context.max_backlog,
    };
    let states = ReceiverStates::new(&context.keys, context.queries.clone());
    (pipeline, ReceiversApi { states }, DeadLettersApi { partitions })
}
