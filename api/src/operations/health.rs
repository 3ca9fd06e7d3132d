//! Whether a service works, for people (`/health`).

use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use readings::store::backlog::GroupBacklog;
use readings::store::info::GroupInfo;
use readings::store::stream::ReadingStream;
use readings::store::{SharedConnection, StoreError};
use tracing::debug;

use crate::tags::Topic;

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
    /// Entries not delivered yet; at least so many while a large backlog is being counted.
    pub lag: u64,
}

impl From<GroupBacklog> for ConsumerGroup {
    fn from(backlog: GroupBacklog) -> Self {
        let GroupBacklog { group, unread, .. } = backlog;
        let GroupInfo { name, consumers, pending, .. } = group;
        Self { name, consumers, pending, lag: unread.entries }
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
        let group = if redis_connected { self.stream.backlog().await.ok().flatten() } else { None };
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
