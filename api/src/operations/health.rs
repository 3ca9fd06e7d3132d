//! `/health`: the state of a service, for people and dashboards.

use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use readings::store::backlog::GroupBacklog;
use readings::store::info::GroupInfo;
use readings::store::stream::StreamPartitions;
use readings::store::{SharedConnection, StoreError};
use tracing::debug;

use crate::api_tag::ApiTag;

/// Health of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
enum HealthStatus {
    /// Redis responds.
    Healthy,
    /// Redis does not respond.
    Degraded,
}

impl HealthStatus {
    const fn of(redis_connected: bool) -> Self {
        if redis_connected { Self::Healthy } else { Self::Degraded }
    }
}

/// Health of the Ingestion API.
#[derive(Debug, Clone, Object)]
pub struct IngestionHealth {
    /// `healthy` when Redis responds.
    status: HealthStatus,
    /// Whether Redis responds.
    redis_connected: bool,
}

/// Health of the Processing Service.
#[derive(Debug, Clone, Object)]
pub struct ProcessingHealth {
    /// `healthy` when Redis responds.
    status: HealthStatus,
    /// Whether Redis responds.
    redis_connected: bool,
    /// The consumer name of this process.
    consumer_name: String,
    /// The consumer group.
    consumer_group: String,
    /// The state of the group; null when it does not exist or Redis does not respond.
    #[oai(nullable)]
    consumer_group_status: Option<ConsumerGroup>,
}

/// A consumer group.
#[derive(Debug, Clone, Object)]
pub struct ConsumerGroup {
    /// Its name.
    pub name: String,
    /// Its consumers, whether they run or not.
    pub consumers: u64,
    /// Entries delivered and not acknowledged.
    pub pending: u64,
    /// Entries not delivered yet; a lower bound while a large backlog is being counted.
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
    /// The connection that is pinged.
    pub connection: SharedConnection,
}

#[OpenApi(tag = "ApiTag::Operations")]
impl IngestionHealthApi {
    /// Service health
    ///
    /// Always 200; `/readyz` is the probe that fails.
    #[oai(path = "/health", method = "get", operation_id = "get_health")]
    async fn health(&self) -> Json<IngestionHealth> {
        let redis_connected = is_ok(self.connection.ping().await);
        Json(IngestionHealth { status: HealthStatus::of(redis_connected), redis_connected })
    }
}

/// `/health` of the Processing Service.
#[derive(Debug)]
pub struct ProcessingHealthApi {
    /// The partitions of the stream with the consumer group.
    pub partitions: StreamPartitions,
    /// The connection that is pinged.
    pub connection: SharedConnection,
    /// The consumer name of this process.
    pub consumer: String,
}

#[OpenApi(tag = "ApiTag::Operations")]
impl ProcessingHealthApi {
    /// Service health
    ///
    /// Always 200; `/readyz` is the probe that fails.
    #[oai(path = "/health", method = "get", operation_id = "get_health")]
    async fn health(&self) -> Json<ProcessingHealth> {
        let redis_connected = is_ok(self.connection.ping().await);
        let group =
            if redis_connected { self.partitions.backlog().await.ok().flatten() } else { None };
        Json(ProcessingHealth {
            status: HealthStatus::of(redis_connected),
            redis_connected,
            consumer_name: self.consumer.clone(),
            consumer_group: self.partitions.keys().group().to_owned(),
            consumer_group_status: group.map(Into::into),
        })
    }
}

fn is_ok(ping: Result<(), StoreError>) -> bool {
    ping.inspect_err(|error| debug!(%error, "Redis does not respond")).is_ok()
}
