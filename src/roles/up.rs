//! Everything in one process on this machine.

use std::net::Ipv4Addr;
use std::time::Duration;

use actors::PipelineConfig;
use api::frontend;
use api::server::Connections;
use readings::store::{Keys, Requirements};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::banner::Greeting;
use super::ingestion_api::Intake;
use super::listener::{listen, serve};
use super::processing_service::QUERY_GRACE;
use super::service_context::Backend;
use super::{ingestion_api, processing_service};
use crate::config::UpSettings;
use crate::local_redis::LocalRedis;
use crate::shutdown;

/// Works until the process is told to end. Ends from the source on: no more readings are taken, then
/// the pipeline is emptied, then queries end, and Redis last.
///
/// # Errors
/// When the settings are of no use, a port is taken, there is no Redis, or the pipeline gives up.
pub async fn run(settings: UpSettings) -> anyhow::Result<()> {
    let ending = shutdown::on_signal()?;
    let pipeline = settings.consumer.pipeline(&settings.redis)?;
    let intake = Intake::new(&settings.intake)?;
    let named = settings.redis.names_a_server().then(|| settings.redis.server()).transpose()?;
    let listeners = Listeners::open(&settings).await?;
    let parts = (pipeline, intake);
    if let Some(server) = named {
        let described = format!("{} (as configured)", server.name());
        let backend = Backend::new(&settings.redis, server, needs);
        let running = run_on(backend, &described, parts, &settings, listeners, ending);
        return Box::pin(running).await;
    }
    let directory = settings.data.path()?;
    let starting = Box::pin(LocalRedis::start(&directory));
    let Some(redis) = ending.run_until_cancelled(starting).await else { return Ok(()) };
    let redis = redis?;
    let backend = Backend::new(&settings.redis, redis.server(), needs).with_private_redis();
    let described = redis.to_string();
    let running = run_on(backend, &described, parts, &settings, listeners, ending);
    let result = Box::pin(running).await;
    redis.stop().await;
    result
}

fn needs(keys: &Keys) -> Requirements {
    Requirements::for_ingestion(keys).and(Requirements::for_processing(keys))
}

pub(super) struct Listeners {
    connections: Connections,
    pub ingestion: TcpListener,
    pub processing: TcpListener,
    pub frontend: TcpListener,
}

impl Listeners {
    async fn open(settings: &UpSettings) -> anyhow::Result<Self> {
        let open = async |port, variable| {
            listen(&settings.listen, Ipv4Addr::LOCALHOST, port, variable).await
        };
        Ok(Self {
            connections: Connections::new(settings.connections.limits()),
            ingestion: open(settings.ingestion.ingestion_port, "INGESTION_PORT").await?,
            processing: open(settings.processing.processing_port, "PROCESSING_PORT").await?,
            frontend: open(settings.frontend_port, "FRONTEND_PORT").await?,
        })
    }

    /// Takes readings until `ending`, and then sets `taken`; serves the rest until `drained`.
    async fn serve(
        self,
        backend: &Backend,
        intake: &Intake,
        consumer: &str,
        [ending, taken, drained]: [&CancellationToken; 3],
        grace: Duration,
    ) -> anyhow::Result<()> {
        let ingestion = || ingestion_api::service(backend, intake).endpoint;
        let processing = || processing_service::service(backend, consumer).endpoint;
        let page = frontend::frontend_endpoint(ingestion(), processing());
        let connections = || self.connections.clone();
        let taking = async {
            let end =
                serve(self.ingestion, ingestion(), connections(), ending.clone(), grace).await;
            taken.cancel();
            end
        };
        let (taken, queried, shown) = tokio::join!(
            taking,
            serve(self.processing, processing(), connections(), drained.clone(), QUERY_GRACE),
            serve(self.frontend, page, connections(), drained.clone(), QUERY_GRACE),
        );
        taken.and(queried).and(shown)
    }
}

async fn run_on(
    backend: Backend,
    redis: &str,
    (pipeline, intake): (PipelineConfig, Intake),
    settings: &UpSettings,
    listeners: Listeners,
    ending: CancellationToken,
) -> anyhow::Result<()> {
    let backend = backend.with_max_backlog(settings.intake.max_backlog());
    let consumer = pipeline.consumer.clone();
    let pipeline = processing_service::start_pipeline(pipeline, &backend).await?;
    let greeting = Greeting::new(&listeners, redis)?;
    backend.attend();
    tokio::spawn(ingestion_api::attend(backend.clone(), intake.clone()));
    let (taken, drained) = (CancellationToken::new(), CancellationToken::new());
    let working = async {
        let worked = processing_service::work(pipeline, &backend, &taken).await;
        ending.cancel();
        drained.cancel();
        worked
    };
    let grace = settings.consumer.drain_timeout();
    let serving = listeners.serve(&backend, &intake, &consumer, [&ending, &taken, &drained], grace);
    let greeting = ending.run_until_cancelled(greeting.say_when_ready());
    let (work, service, _) = tokio::join!(working, serving, greeting);
    work.and(service)
}
