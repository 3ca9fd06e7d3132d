//! Everything in one process on this machine.

use std::net::Ipv4Addr;
use std::time::Duration;

use actors::PipelineConfig;
use api::frontend;
use api::server::Connections;
use readings::store::{Keys, RedisServer, Requirements};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::banner::Banner;
use super::http_server::{HttpServer, listen};
use super::ingestion_api::IngestionLimits;
use super::processing_service::QUERY_GRACE;
use super::service_context::ServiceContext;
use super::{ingestion_api, processing_service};
use crate::config::UpSettings;
use crate::local_redis::LocalRedis;
use crate::shutdown;

/// Runs until a signal stops the process. Stops from the source on: first the Ingestion API, then the
/// pipeline once it is drained, then queries, and the private Redis last.
///
/// # Errors
/// When a setting is invalid, a port is in use, Redis cannot be started, or the pipeline fails.
pub async fn run(settings: UpSettings) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    let redis = &settings.redis;
    let pipeline = settings.consumer.pipeline(redis)?;
    let limits = IngestionLimits::new(&settings.limits)?;
    let configured = redis.is_configured().then(|| redis.server()).transpose()?;
    let directory = settings.data.path();
    let listeners = Listeners::open(&settings).await?;
    let services = Services { settings, pipeline, limits, listeners, stop };
    match configured {
        Some(server) => Box::pin(services.run_on(server)).await,
        None => Box::pin(services.run_on_private(LocalRedis::start(&directory?))).await,
    }
}

/// All services of the process, before they run.
struct Services {
    settings: UpSettings,
    pipeline: PipelineConfig,
    limits: IngestionLimits,
    listeners: Listeners,
    stop: CancellationToken,
}

impl Services {
    /// Runs on the configured server.
    async fn run_on(self, server: RedisServer) -> anyhow::Result<()> {
        let description = format!("{} (as configured)", server.name());
        let context = self.context(server);
        self.run(context, &description).await
    }

    /// Starts the private server, runs on it, and stops it last.
    async fn run_on_private(
        self,
        starting: impl Future<Output = anyhow::Result<LocalRedis>>,
    ) -> anyhow::Result<()> {
        // Loading the data may take long: a signal does not wait for it.
        let started = self.stop.run_until_cancelled(Box::pin(starting)).await;
        let Some(redis) = started.transpose()? else { return Ok(()) };
        let context = self.context(redis.server()).with_private_redis();
        let result = self.run(context, &redis.to_string()).await;
        redis.stop().await;
        result
    }

    fn context(&self, server: RedisServer) -> ServiceContext {
        let requirements =
            |keys: &Keys| Requirements::for_ingestion(keys).and(Requirements::for_processing(keys));
        ServiceContext::new(&self.settings.redis, server, requirements)
            .with_max_backlog(self.settings.limits.max_backlog())
    }

    async fn run(self, context: ServiceContext, redis: &str) -> anyhow::Result<()> {
        let Self { settings, pipeline, limits, listeners, stop } = self;
        let consumer = pipeline.consumer.clone();
        let pipeline = processing_service::start_pipeline(pipeline, &context).await?;
        let banner = Banner::new(&listeners, redis)?;
        context.spawn_monitors();
        ingestion_api::spawn_monitors(&context, &limits);
        let phases = ShutdownPhases::new(stop);
        let processing = async {
            let stopped = &phases.ingestion_stopped;
            let result = processing_service::run_pipeline(pipeline, &context, stopped).await;
            // A pipeline that has failed stops the process, too.
            phases.stop.cancel();
            phases.pipeline_drained.cancel();
            result
        };
        let grace = settings.consumer.drain_timeout();
        let serving = listeners.serve(&context, &limits, &consumer, &phases, grace);
        let banner = phases.stop.run_until_cancelled(banner.print_when_ready());
        let (pipeline_result, http_result, _) = tokio::join!(processing, serving, banner);
        pipeline_result.and(http_result)
    }
}

/// The phases of a shutdown, in their order; each token is cancelled when its phase begins.
struct ShutdownPhases {
    /// The Ingestion API stops.
    stop: CancellationToken,
    /// No more readings are accepted: the pipeline drains.
    ingestion_stopped: CancellationToken,
    /// Everything is stored: queries and the web page stop.
    pipeline_drained: CancellationToken,
}

impl ShutdownPhases {
    fn new(stop: CancellationToken) -> Self {
        let (ingestion_stopped, pipeline_drained) =
            (CancellationToken::new(), CancellationToken::new());
        Self { stop, ingestion_stopped, pipeline_drained }
    }
}

pub(super) struct Listeners {
    connections: Connections,
    pub ingestion: TcpListener,
    pub processing: TcpListener,
    pub frontend: TcpListener,
}

impl Listeners {
    async fn open(settings: &UpSettings) -> anyhow::Result<Self> {
        let open = async |port| listen(&settings.listen, Ipv4Addr::LOCALHOST, port).await;
        Ok(Self {
            connections: Connections::new(settings.connections.limits()),
            ingestion: open(settings.ingestion.setting()).await?,
            processing: open(settings.processing.setting()).await?,
            frontend: open(settings.frontend()).await?,
        })
    }

    /// Serves all services, each until its phase of the shutdown.
    async fn serve(
        self,
        context: &ServiceContext,
        limits: &IngestionLimits,
        consumer: &str,
        phases: &ShutdownPhases,
        ingestion_grace: Duration,
    ) -> anyhow::Result<()> {
        let server = |listener, stop: &CancellationToken, grace| HttpServer {
            listener,
            connections: self.connections.clone(),
            stop: stop.clone(),
            grace,
        };
        let ingestion = || ingestion_api::service(context, limits).endpoint;
        let processing = || processing_service::service(context, consumer).endpoint;
        let frontend = frontend::frontend_endpoint(ingestion(), processing());
        let accepting = async {
            let server = server(self.ingestion, &phases.stop, ingestion_grace);
            let result = server.serve(ingestion()).await;
            phases.ingestion_stopped.cancel();
            result
        };
        let (accepted, queried, shown) = tokio::join!(
            accepting,
            server(self.processing, &phases.pipeline_drained, QUERY_GRACE).serve(processing()),
            server(self.frontend, &phases.pipeline_drained, QUERY_GRACE).serve(frontend),
        );
        accepted.and(queried).and(shown)
    }
}
