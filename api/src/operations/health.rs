//! Whether a service works: for people (`/health`), and for probes (`/livez`, `/readyz`).

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use readings::store::server_report::Danger;
use readings::store::status::GroupStatus;
use readings::store::stream::ReadingStream;
use readings::store::{SharedConnection, StoreError};
use tracing::debug;

use super::Draining;
use crate::problem::{Problem, unavailable};
use crate::spec::Topic;

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
enum HealthStatus {
    /// Redis answers.
    Healthy,
    /// Redis does not answer.
    Degraded,
}

impl HealthStatus {
    const fn of(redis_connected: bool) -> Self {
        if redis_connected { Self::Healthy } else { Self::Degraded }
    }
}

/// How the Ingestion API is.
#[derive(Debug, Clone, Object)]
pub struct IngestionHealth {
    /// `healthy` when Redis answers.
    status: HealthStatus,
    /// Whether Redis answers.
    redis_connected: bool,
}

/// How the Processing Service is.
#[derive(Debug, Clone, Object)]
pub struct ProcessingHealth {
    /// `healthy` when Redis answers.
    status: HealthStatus,
    /// Whether Redis answers.
    redis_connected: bool,
    /// This process' name in the consumer group.
    consumer_name: String,
    /// The consumer group.
    consumer_group: String,
    /// What Redis says of the group; null while there is none, or Redis does not answer.
    #[oai(nullable)]
    consumer_group_status: Option<ConsumerGroup>,
}

/// A consumer group.
#[derive(Debug, Clone, Object)]
pub struct ConsumerGroup {
    /// Its name.
    pub name: String,
    /// Consumers it knows, alive or not.
    pub consumers: u64,
    /// Entries delivered and not acknowledged.
    pub pending: u64,
    /// Entries not delivered yet; null when Redis cannot tell.
    #[oai(nullable)]
    pub lag: Option<u64>,
}

impl From<GroupStatus> for ConsumerGroup {
    fn from(group: GroupStatus) -> Self {
        let GroupStatus { name, consumers, pending, lag, .. } = group;
        Self { name, consumers, pending, lag }
    }
}

/// `/health` of the Ingestion API.
#[derive(Debug)]
pub struct IngestionHealthApi {
    /// Where to ask whether Redis answers.
    pub connection: SharedConnection,
}

#[OpenApi(tag = "Topic::Operations")]
impl IngestionHealthApi {
    /// How the service is
    ///
    /// Always 200; see `/readyz` for a probe that fails.
    #[oai(path = "/health", method = "get", operation_id = "get_health")]
    async fn health(&self) -> Json<IngestionHealth> {
        let redis_connected = answers(self.connection.ping().await);
        Json(IngestionHealth { status: HealthStatus::of(redis_connected), redis_connected })
    }
}

/// `/health` of the Processing Service.
#[derive(Debug)]
pub struct ProcessingHealthApi {
    /// The stream whose group this process works in.
    pub stream: ReadingStream,
    /// Where to ask whether Redis answers.
    pub connection: SharedConnection,
    /// This process' name in the group.
    pub consumer: String,
}

#[OpenApi(tag = "Topic::Operations")]
impl ProcessingHealthApi {
    /// How the service is
    ///
    /// Always 200; see `/readyz` for a probe that fails.
    #[oai(path = "/health", method = "get", operation_id = "get_health")]
    async fn health(&self) -> Json<ProcessingHealth> {
        let redis_connected = answers(self.connection.ping().await);
        let group = if redis_connected { self.stream.group().await.ok().flatten() } else { None };
        Json(ProcessingHealth {
            status: HealthStatus::of(redis_connected),
            redis_connected,
            consumer_name: self.consumer.clone(),
            consumer_group: self.stream.keys().group().to_owned(),
            consumer_group_status: group.map(Into::into),
        })
    }
}

fn answers(ping: Result<(), StoreError>) -> bool {
    ping.inspect_err(|error| debug!(%error, "Redis does not answer")).is_ok()
}

/// A sign of life.
#[derive(Debug, Clone, Object)]
pub struct Alive {
    /// Always `alive`.
    status: String,
}

/// Readiness.
#[derive(Debug, Clone, Object)]
pub struct Ready {
    /// Always `ready`; a service that is not answers 503.
    status: String,
}

#[derive(ApiResponse)]
enum ReadyAnswer {
    /// Requests are served.
    #[oai(status = 200)]
    Ready(Json<Ready>),
    /// Requests should go elsewhere.
    #[oai(status = 503)]
    NotReady(Json<Problem>),
}

/// What a service needs of Redis to be ready.
#[derive(Debug)]
pub enum Readiness {
    /// That it takes writes, and keeps them.
    Writes(ReadingStream, SharedConnection),
    /// That it answers.
    Reads(SharedConnection),
}

/// Why a service is not ready.
enum NotReady {
    Store(StoreError),
    Danger(Danger),
}

impl Readiness {
    async fn check(&self) -> Result<(), NotReady> {
        match self {
            Self::Reads(connection) => connection.ping().await.map_err(NotReady::Store),
            Self::Writes(stream, connection) => {
                stream.probe_writes().await.map_err(NotReady::Store)?;
                let report = connection.server_report().await.map_err(NotReady::Store)?;
                let forbidding = report.dangers().into_iter().find(Danger::forbids_readiness);
                forbidding.map_or(Ok(()), |danger| Err(NotReady::Danger(danger)))
            }
        }
    }
}

/// `/livez` and `/readyz`, for probes.
#[derive(Debug)]
pub struct ProbesApi {
    /// What the service needs of Redis.
    pub readiness: Readiness,
    /// Whether it is about to end.
    pub draining: Draining,
}

#[OpenApi(tag = "Topic::Operations")]
impl ProbesApi {
    /// Whether the process runs
    ///
    /// Never asks Redis: restarting the process would not bring Redis back.
    #[allow(clippy::unused_async, reason = "the framework calls async operations only")]
    #[oai(path = "/livez", method = "get", operation_id = "get_livez")]
    async fn livez(&self) -> Json<Alive> {
        Json(Alive { status: "alive".to_owned() })
    }

    /// Whether requests can be served
    ///
    /// 503 while Redis is unreachable, loading, read-only, out of memory or set to throw readings away,
    /// and while the service is shutting down.
    #[oai(path = "/readyz", method = "get", operation_id = "get_readyz")]
    async fn readyz(&self) -> ReadyAnswer {
        if self.draining.has_begun() {
            return ReadyAnswer::NotReady(Json(Problem::new("The service is shutting down")));
        }
        match self.readiness.check().await {
            Ok(()) => ReadyAnswer::Ready(Json(Ready { status: "ready".to_owned() })),
            Err(NotReady::Danger(danger)) => {
                ReadyAnswer::NotReady(Json(Problem::new(danger.to_string())))
            }
            Err(NotReady::Store(error)) => {
                debug!(%error, "not ready");
                ReadyAnswer::NotReady(Json(unavailable(&error).0))
            }
        }
    }
}
