//! The Processing Service: the pipeline, and the queries of what it stored.

use std::net::Ipv4Addr;
use std::time::Duration;

use actors::{Pipeline, PipelineConfig};
use api::operations::{
    DeadLettersApi, MetricsApi, PipelineApi, ProbesApi, ProcessingHealthApi, Readiness,
};
use api::query::QueryApi;
use api::server::Connections;
use api::spec::{self, Service};
use poem::{Endpoint, Response};
use readings::store::Requirements;
use readings::store::series::SeriesStore;
use readings::store::site_index::SiteIndex;
use tokio_util::sync::CancellationToken;

use super::listener::{announce_and_serve, listen};
use super::runtime_thread;
use super::service_context::Backend;
use crate::config::ProcessingSettings;
use crate::shutdown;

/// How long queries under way may take to end, once the pipeline is empty. An export that takes
/// longer is broken off.
pub const QUERY_GRACE: Duration = Duration::from_secs(5);

/// Works until the process is told to end; then empties the pipeline before the queries end.
///
/// # Errors
/// When the settings are of no use, the port is taken, or the pipeline gives up.
pub async fn run(settings: ProcessingSettings) -> anyhow::Result<()> {
    let ending = shutdown::on_signal()?;
    let pipeline = settings.consumer.pipeline(&settings.redis)?;
    let backend =
        Backend::new(&settings.redis, settings.redis.server()?, Requirements::for_processing);
    let listener = listen(
        &settings.listen,
        Ipv4Addr::UNSPECIFIED,
        settings.port.processing_port,
        "PROCESSING_PORT",
    );
    let listener = listener.await?;
    let endpoint = service(&backend, &pipeline.consumer).endpoint;
    let pipeline = start_pipeline(pipeline, &backend).await?;
    backend.attend();
    let drained = CancellationToken::new();
    let connections = Connections::new(settings.connections.limits());
    let serving = announce_and_serve(
        "processing-service",
        listener,
        endpoint,
        connections,
        drained.clone(),
        QUERY_GRACE,
    );
    let working = async {
        let worked = work(pipeline, &backend, &ending).await;
        drained.cancel();
        worked
    };
    let (worked, served) = tokio::join!(working, serving);
    worked.and(served)
}

/// Starts the pipeline in a thread of its own. Requests are answered in another: an export of a million
/// readings does not hold up what arrives, nor the other way round.
///
/// # Errors
/// When there can be no more threads, or the pipeline cannot be started.
pub async fn start_pipeline(config: PipelineConfig, backend: &Backend) -> anyhow::Result<Pipeline> {
    let starting = Pipeline::start(config, backend.server.clone());
    Ok(runtime_thread::start("pipeline")?.spawn(starting).await??)
}

/// Keeps the pipeline working until the end, and empties it then.
///
/// # Errors
/// When the pipeline gives up.
pub async fn work(
    mut pipeline: Pipeline,
    backend: &Backend,
    ending: &CancellationToken,
) -> anyhow::Result<()> {
    tokio::select! {
        failed = pipeline.failed() => {
            backend.draining.begin();
            Err(failed.into())
        }
        () = ending.cancelled() => {
            backend.draining.begin();
            pipeline.shutdown().await;
            Ok(())
        }
    }
}

/// The service over a backend.
pub fn service(
    backend: &Backend,
    consumer: &str,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let readiness = Readiness::Writes(backend.stream.clone(), backend.queries.clone());
    service_with(backend, consumer, readiness)
}

/// The service over a backend of which it needs so much to be ready.
pub fn service_with(
    backend: &Backend,
    consumer: &str,
    readiness: Readiness,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let connection = backend.queries.clone();
    let stream = backend.stream.clone();
    let sites = SiteIndex::new(&backend.keys, connection.clone());
    spec::processing_service(
        QueryApi::new(SeriesStore::new(connection.clone()), sites),
        ProcessingHealthApi { stream: stream.clone(), connection, consumer: consumer.to_owned() },
        MetricsApi { stream: stream.clone(), prometheus: backend.prometheus.clone() },
        PipelineApi {
            stream: stream.clone(),
            watch: backend.watch.clone(),
            max_length: backend.max_backlog,
        },
        DeadLettersApi { stream },
        ProbesApi::new(readiness, backend.draining.clone()),
    )
}
