//! The Ingestion API.

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::time::Duration;

use api::ingestion::{Backlog, IngestionApi};
use api::operations::{IngestionHealthApi, MetricsApi, ProbesApi, Readiness};
use api::server::Connections;
use api::spec::{self, Service};
use poem::{Endpoint, Response};
use readings::store::Requirements;
use readings::store::stream::ReadingStream;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::listener::{announce_and_serve, listen, serve, share};
use super::runtime_thread;
use super::service_context::Backend;
use crate::config::{IngestionSettings, IntakeSettings};
use crate::shutdown;

/// How often the group is asked for. Too low and Redis is asked for nothing; too high and after a
/// `FLUSHALL` the backlog is unknown for that long.
const GROUP_PAUSE: Duration = Duration::from_secs(5);

/// Serves until the process is told to end.
///
/// # Errors
/// When the settings are of no use, or the port is taken.
pub async fn run(settings: IngestionSettings) -> anyhow::Result<()> {
    let ending = shutdown::on_signal()?;
    let intake = Intake::new(&settings.intake)?;
    let backend =
        Backend::new(&settings.redis, settings.redis.server()?, Requirements::for_ingestion);
    let listener = listen(
        &settings.listen,
        Ipv4Addr::UNSPECIFIED,
        settings.port.ingestion_port,
        "INGESTION_PORT",
    );
    let listener = listener.await?;
    backend.attend_without_ages();
    tokio::spawn(attend(backend.clone(), intake.clone()));
    let grace = settings.drain.timeout();
    let threads = settings.threads.ingestion_threads;
    let connections = Connections::new(settings.connections.limits());
    let serving =
        serve_in(threads, (listener, connections), (&backend, &intake), ending.clone(), grace);
    let begin_draining = async {
        ending.cancelled().await;
        backend.draining.begin();
    };
    tokio::join!(serving, begin_draining).0
}

/// Serves in so many threads, this one among them; each has connections of its own.
async fn serve_in(
    threads: NonZeroUsize,
    (listener, connections): (TcpListener, Connections),
    (backend, intake): (&Backend, &Intake),
    ending: CancellationToken,
    grace: Duration,
) -> anyhow::Result<()> {
    let mut others = JoinSet::new();
    for _ in 1..threads.get() {
        let other = runtime_thread::start("ingestion")?;
        let listener = share(&listener, &other)?;
        let endpoint = service(&backend.with_own_connections(), intake).endpoint;
        let serving = serve(listener, endpoint, connections.clone(), ending.clone(), grace);
        others.spawn_on(serving, &other);
    }
    let endpoint = service(backend, intake).endpoint;
    announce_and_serve("ingestion-api", listener, endpoint, connections, ending, grace).await?;
    others.join_all().await.into_iter().collect()
}

/// What is taken in, and how much of it.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    idempotency_ttl: Duration,
    max_backlog: Option<u64>,
    backlog: Backlog,
}

impl Intake {
    /// As the settings say.
    ///
    /// # Errors
    /// When they are of no use.
    pub fn new(settings: &IntakeSettings) -> anyhow::Result<Self> {
        Ok(Self {
            idempotency_ttl: settings.idempotency_ttl()?,
            max_backlog: settings.max_backlog(),
            backlog: Backlog::default(),
        })
    }
}

/// What goes on beside the service until the process ends: the consumer group is made sure of, and the
/// backlog is watched.
pub async fn attend(backend: Backend, intake: Intake) {
    tokio::join!(
        make_sure_of_group(stream(&backend)),
        intake.backlog.watch(stream(&backend), intake.max_backlog),
    );
}

/// The service over a backend.
pub fn service(
    backend: &Backend,
    intake: &Intake,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let stream = stream(backend);
    spec::ingestion_api(
        IngestionApi {
            stream: stream.clone(),
            idempotency_ttl: intake.idempotency_ttl,
            backlog: intake.backlog.clone(),
        },
        IngestionHealthApi { connection: backend.queries.clone() },
        MetricsApi { stream: backend.stream.clone(), prometheus: backend.prometheus.clone() },
        ProbesApi::new(
            Readiness::Writes(stream, backend.queries.clone()),
            backend.draining.clone(),
        ),
    )
}

/// Creates stream and consumer group whenever they are missing: an autoscaler that finds no group
/// knows no backlog, and starts no processing service that would create it.
async fn make_sure_of_group(stream: ReadingStream) {
    let mut failures = 0_u32;
    loop {
        match stream.ensure_group().await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                if failures.is_power_of_two() {
                    warn!(%error, failures, "cannot make sure of the consumer group");
                }
            }
        }
        sleep(GROUP_PAUSE).await;
    }
}

/// The stream as readings are appended to it.
fn stream(backend: &Backend) -> ReadingStream {
    ReadingStream::new(backend.keys.clone(), backend.ingestion.clone())
}
