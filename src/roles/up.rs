//! Everything in one process on this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use actors::PipelineConfig;
use anyhow::Context;
use api::page;
use readings::store::{Keys, RedisServer, Requirements};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::backend::Backend;
use super::ingestion_api::Intake;
use super::listener::{listen, serve};
use super::processing_service::QUERY_GRACE;
use super::{ingestion_api, processing_service};
use crate::config::UpSettings;
use crate::local_redis::LocalRedis;
use crate::{console, shutdown};

/// Works until the process is told to end. Ends from the source on: no more readings are taken, then
/// the pipeline is emptied, then queries end, and Redis last.
///
/// # Errors
/// When the settings are of no use, a port is taken, there is no Redis, or the pipeline gives up.
pub async fn run(settings: UpSettings) -> anyhow::Result<()> {
    let ending = shutdown::on_signal()?;
    let pipeline = settings.consumer.pipeline(&settings.redis)?;
    let listeners = Listeners::open(&settings).await?;
    if settings.redis.names_a_server() {
        let server = settings.redis.server()?;
        let running = run_on(server, "as configured", pipeline, &settings, listeners, ending);
        return Box::pin(running).await;
    }
    let redis = LocalRedis::start(&settings.data_dir()?).await?;
    let server = RedisServer::at(LocalRedis::HOST, redis.port())?;
    let described = redis.to_string();
    let running = run_on(server, &described, pipeline, &settings, listeners, ending);
    let result = Box::pin(running).await;
    redis.stop().await;
    result
}

struct Listeners {
    ingestion: TcpListener,
    processing: TcpListener,
    frontend: TcpListener,
}

impl Listeners {
    async fn open(settings: &UpSettings) -> anyhow::Result<Self> {
        let open = async |port, variable| {
            listen(&settings.listen, Ipv4Addr::LOCALHOST, port, variable).await
        };
        Ok(Self {
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
        let page = page::page(ingestion(), processing());
        let taking = async {
            let end = serve(self.ingestion, ingestion(), ending.clone(), grace).await;
            taken.cancel();
            end
        };
        let (taken, queried, shown) = tokio::join!(
            taking,
            serve(self.processing, processing(), drained.clone(), QUERY_GRACE),
            serve(self.frontend, page, drained.clone(), QUERY_GRACE),
        );
        taken.and(queried).and(shown)
    }
}

async fn run_on(
    server: RedisServer,
    redis: &str,
    pipeline: PipelineConfig,
    settings: &UpSettings,
    listeners: Listeners,
    ending: CancellationToken,
) -> anyhow::Result<()> {
    let needs =
        |keys: &Keys| Requirements::of_ingestion(keys).and(Requirements::of_processing(keys));
    let backend = Backend::new(&settings.redis, server, needs);
    let backend = backend.with_max_backlog(settings.intake.max_backlog());
    let intake = Intake::new(&settings.intake)?;
    let consumer = pipeline.consumer.clone();
    let pipeline = processing_service::start_pipeline(pipeline, &backend).await?;
    greet(&listeners, redis)?;
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
    let (work, service) = tokio::join!(working, serving);
    work.and(service)
}

fn greet(listeners: &Listeners, redis: &str) -> anyhow::Result<()> {
    let url = |listener: &TcpListener| -> anyhow::Result<String> {
        let address = listener.local_addr().context("a listener has no address")?;
        let ip =
            if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
        Ok(format!("http://{}", SocketAddr::new(ip, address.port())))
    };
    let (ingestion, processing) = (url(&listeners.ingestion)?, url(&listeners.processing)?);
    let page = url(&listeners.frontend)?;
    if !page::is_built_in() {
        warn!("this program was built without the web page; `make build` builds it with");
    }
    console::say(format_args!(
        r#"energy-pipeline is up.

  page            {page}/
  ingestion API   {ingestion}/docs
  processing      {processing}/docs
  Redis           {redis}

Send a reading, and read it back:

  curl -X POST {ingestion}/readings -H 'Content-Type: application/json' -d '{{"site_id": "house-01", "device_id": "main-meter", "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"}}'
  curl {processing}/sites/house-01/readings

Ctrl-C ends it; the data stay."#
    ));
    Ok(())
}
