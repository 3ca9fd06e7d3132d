//! Everything in one process on this machine.

use std::net::Ipv4Addr;
use std::path::Path;

use actors::PipelineConfig;
use anyhow::Context;
use api::access::AccessPolicy;
use api::frontend;
use archive::ParquetArchive;
use readings::store::{Keys, RedisServer, Requirements};
use tokio_util::sync::CancellationToken;

use super::banner::Banner;
use super::http_server::{HttpServer, HttpServers};
use super::ingestion_api::IngestionLimits;
use super::mqtt_bridge::Receiver;
use super::processing_service::QUERY_GRACE;
use super::service_context::ServiceContext;
use super::{archiving, ingestion_api, processing_service};
use crate::config::UpSettings;
use crate::local_redis::LocalRedis;
use crate::readiness::reachable;
use crate::shutdown;

/// Runs until a signal stops the process. Stops from the source on: first the Ingestion API, then the
/// pipeline once it is drained, then queries, and the private Redis last.
///
/// # Errors
/// When a setting is invalid, a port is in use, Redis cannot be started, or the pipeline fails.
pub async fn run(settings: UpSettings) -> anyhow::Result<()> {
    let phases = ShutdownPhases::new(shutdown::on_signal()?);
    settings.power.apply();
    let redis = &settings.redis;
    let pipeline = settings.consumer.pipeline(redis)?;
    let limits =
        IngestionLimits::new(&settings.limits, &settings.line_protocol, &settings.remote_write)?;
    let receiver = settings.mqtt.is_configured();
    let receiver = receiver
        .then(|| Receiver::new(&settings.mqtt, &settings.consumer.instance, &limits))
        .transpose()?;
    let configured = redis.configured_server()?;
    let directory = settings.private_redis.directory();
    let access = settings.http.access.policy()?;
    let archive = settings.archiving.open_for(&settings.consumer)?;
    let event_streams = settings.event_streams.limit(&settings.http.connections)?;
    let servers = Servers::bind(&settings, &phases).await?;
    let services = Services {
        settings,
        pipeline,
        limits,
        receiver,
        event_streams,
        access,
        archive,
        servers,
        phases,
    };
    match configured {
        Some(server) => Box::pin(services.run_on(server)).await,
        None => Box::pin(services.run_on_private(&directory?)).await,
    }
}

/// All services of the process, before they run.
struct Services {
    settings: UpSettings,
    pipeline: PipelineConfig,
    limits: IngestionLimits,
    /// That of `MQTT_URL`, if it is set.
    receiver: Option<Receiver>,
    event_streams: usize,
    access: AccessPolicy,
    /// The archive of `ARCHIVE_URL`, if it is set.
    archive: Option<ParquetArchive>,
    servers: Servers,
    phases: ShutdownPhases,
}

impl Services {
    /// Runs on the configured server.
    async fn run_on(self, server: RedisServer) -> anyhow::Result<()> {
        let description = format!("{} (as configured)", server.name());
        let context = self.context(server);
        Box::pin(self.run(context, &description)).await
    }

    /// Starts the private server, runs on it, and stops it last.
    async fn run_on_private(self, directory: &Path) -> anyhow::Result<()> {
        // Loading the data may take long: a signal does not wait for it.
        let starting = Box::pin(LocalRedis::start(directory, self.settings.private_redis.port()));
        let started = self.phases.stop.run_until_cancelled(starting).await;
        let Some(redis) = started.transpose()? else { return Ok(()) };
        let context = self.context(redis.server()).with_private_redis();
        let result = Box::pin(self.run(context, &redis.to_string())).await;
        redis.stop().await;
        result
    }

    fn context(&self, server: RedisServer) -> ServiceContext {
        let requirements =
            |keys: &Keys| Requirements::for_ingestion(keys).and(Requirements::for_processing(keys));
        ServiceContext::new(&self.settings.redis, server, requirements)
            .with_max_backlog(self.settings.limits.max_backlog())
            .with_event_streams(self.event_streams)
            .with_access(self.access.clone())
            .with_archive(self.archive.clone())
    }

    async fn run(self, context: ServiceContext, redis: &str) -> anyhow::Result<()> {
        let Self { settings, pipeline, limits, receiver, mut servers, phases, .. } = self;
        let consumer = pipeline.consumer.clone();
        HttpServer::spawn_monitoring(servers.monitoring.take(), || {
            processing_service::monitoring(&context, &consumer)
        });
        let pipeline = processing_service::start_pipeline(pipeline, &context).await?;
        let broker = receiver.as_ref().map(Receiver::broker);
        let banner = servers.banner(redis, broker, settings.http.access.requires_keys())?;
        archiving::spawn(&context, settings.archiving.of_service(&settings.consumer))?;
        context.spawn_monitors();
        ingestion_api::spawn_monitors(&context, &limits);
        let processing = async {
            let stopped = &phases.ingestion_stopped;
            let result = processing_service::run_pipeline(pipeline, &context, stopped).await;
            // A pipeline that has failed stops the process, too.
            phases.stop.cancel();
            phases.pipeline_drained.cancel();
            result
        };
        let receiving = async {
            if let Some(receiver) = receiver {
                Box::pin(receiver.run(&context, &phases.stop)).await;
            }
        };
        let serving =
            servers.serve(&context, &limits, &consumer, receiving, &phases.ingestion_stopped);
        // On the heap: this future is large.
        let stopped = &phases.ingestion_stopped;
        let reporting = Box::pin(ingestion_api::report_receivers(&context, stopped));
        let banner = phases.stop.run_until_cancelled(banner.print_when_ready());
        let (pipeline_result, http_result, (), _) =
            tokio::join!(processing, serving, reporting, banner);
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

/// The servers of all services, bound to their ports.
struct Servers {
    ingestion: HttpServer,
    processing: HttpServer,
    frontend: HttpServer,
    /// That of `METRICS_PORT`.
    monitoring: Option<HttpServer>,
}

impl Servers {
    /// The banner with their addresses, and a description of the Redis server.
    ///
    /// # Errors
    /// When a listener has no address.
    fn banner(
        &self,
        redis: &str,
        broker: Option<String>,
        requires_keys: bool,
    ) -> anyhow::Result<Banner> {
        let address = |server: &HttpServer| {
            server.address().map(reachable).context("a listener has no address")
        };
        Ok(Banner {
            scheme: self.frontend.scheme(),
            ingestion: address(&self.ingestion)?,
            processing: address(&self.processing)?,
            frontend: address(&self.frontend)?,
            redis: redis.to_owned(),
            broker,
            requires_keys,
        })
    }

    /// Binds the ports; each server stops in its phase of the shutdown.
    async fn bind(settings: &UpSettings, phases: &ShutdownPhases) -> anyhow::Result<Self> {
        let servers = HttpServers::new(&settings.http, Ipv4Addr::LOCALHOST)?;
        let ShutdownPhases { stop, pipeline_drained, .. } = phases;
        let drain_timeout = settings.consumer.drain_timeout();
        let (ingestion, processing) = (settings.ingestion.setting(), settings.processing.setting());
        Ok(Self {
            ingestion: servers.bind(ingestion, stop, drain_timeout).await?,
            processing: servers.bind(processing, pipeline_drained, QUERY_GRACE).await?,
            frontend: servers.bind(settings.frontend(), pipeline_drained, QUERY_GRACE).await?,
            monitoring: servers.bind_monitoring().await?,
        })
    }

    /// Serves all services; cancels `ingestion_stopped` once no more readings are accepted, by HTTP or by `receiving`.
    async fn serve(
        self,
        context: &ServiceContext,
        limits: &IngestionLimits,
        consumer: &str,
        receiving: impl Future<Output = ()>,
        ingestion_stopped: &CancellationToken,
    ) -> anyhow::Result<()> {
        let ingestion = || ingestion_api::service(context, limits).endpoint;
        let processing = || processing_service::service(context, consumer).endpoint;
        // The page's port reaches both services under `/api`, by endpoints of its own.
        let frontend = frontend::frontend_endpoint(ingestion(), processing());
        let accepting = async {
            let (result, ()) = tokio::join!(self.ingestion.serve(ingestion()), receiving);
            ingestion_stopped.cancel();
            result
        };
        let (ingestion, processing, frontend) = tokio::join!(
            accepting,
            self.processing.serve(processing()),
            self.frontend.serve(frontend),
        );
        ingestion.and(processing).and(frontend)
    }
}
