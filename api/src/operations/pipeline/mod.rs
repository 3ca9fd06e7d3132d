//! `GET /pipeline`: the stream, its groups and consumers, and the rates.

mod rates;
mod stream_monitor;

use std::time::Duration;

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use readings::store::StoreError;
use readings::store::backlog::GroupBacklog;
use readings::store::info::ConsumerInfo;
use readings::store::info::EntryPreview;
use readings::store::stream::ReadingStream;

pub use self::stream_monitor::{CATALOGUE as PIPELINE_CATALOGUE, StreamMonitor};
use crate::api_tag::ApiTag;
use crate::store_failure::{ServiceUnavailable, StoreOperation};

/// `/pipeline`.
#[derive(Debug)]
pub struct PipelineApi {
    /// The stream to describe.
    pub stream: ReadingStream,
    /// Measures the rates.
    pub monitor: StreamMonitor,
    /// The limit of the backlog, in entries, where it is known here.
    pub max_length: Option<u64>,
}

/// The stream, its consumer groups, its rates and the number of dead letters.
#[derive(Debug, Object)]
pub struct PipelineState {
    stream: StreamState,
    /// The consumer groups of the stream.
    groups: Vec<GroupState>,
    rates: PipelineRates,
    /// Entries that cannot be processed, for an operator to retry or to delete.
    dead_letters: u64,
}

/// The stream of accepted readings.
#[derive(Debug, Default, Object)]
#[oai(rename = "PipelineStream")]
pub struct StreamState {
    /// Entries in the stream, delivered or not; 0 when the stream does not exist.
    length: u64,
    // The name is older than its meaning; clients know it.
    /// The limit of the backlog (`MAX_BACKLOG`), above which readings are not accepted; null for no limit, or where
    /// it is unknown.
    #[oai(nullable)]
    max_length: Option<u64>,
    /// The id of the oldest entry, or null.
    #[oai(nullable)]
    first_id: Option<String>,
    /// The id of the newest entry, or null.
    #[oai(nullable)]
    last_id: Option<String>,
}

/// A consumer group.
#[derive(Debug, Object)]
#[oai(rename = "PipelineGroup")]
pub struct GroupState {
    name: String,
    /// Entries delivered and not acknowledged: in progress. A backlog is in `lag`.
    pending: u64,
    /// Entries not delivered yet; a lower bound while a large backlog is being counted.
    lag: u64,
    /// Time since the oldest pending entry was accepted; null when no entry is pending.
    #[oai(nullable)]
    oldest_pending_ms: Option<u64>,
    consumers: Vec<ConsumerState>,
}

/// A consumer: a processing service, running or not.
#[derive(Debug, Object)]
#[oai(rename = "PipelineConsumer")]
pub struct ConsumerState {
    name: String,
    /// Entries delivered to it and not acknowledged.
    pending: u64,
    /// Time since its last delivery or heartbeat.
    idle_ms: u64,
}

/// Readings per second over the last minute, of all processes; null until two samples exist.
#[derive(Debug, Object)]
pub struct PipelineRates {
    /// Accepted.
    #[oai(nullable)]
    ingested_1m: Option<f64>,
    /// Stored and acknowledged.
    #[oai(nullable)]
    stored_1m: Option<f64>,
}

#[derive(ApiResponse)]
enum PipelineResponse {
    /// The state of the pipeline.
    #[oai(status = 200)]
    State(Json<PipelineState>),
}

#[OpenApi(tag = "ApiTag::Operations")]
impl PipelineApi {
    /// State of the pipeline
    ///
    /// The backlog, the consumers with their pending entries, and the rates of accepted and stored readings.
    #[oai(path = "/pipeline", method = "get", operation_id = "get_pipeline")]
    async fn pipeline(&self) -> Result<PipelineResponse, ServiceUnavailable> {
        let state = self.state().await.map_err(|error| {
            ServiceUnavailable::from_store(StoreOperation::DescribePipeline, &error)
        })?;
        Ok(PipelineResponse::State(Json(state)))
    }
}

impl PipelineApi {
    async fn state(&self) -> Result<PipelineState, StoreError> {
        let info = self.stream.info().await?.unwrap_or_default();
        let id = |entry: Option<EntryPreview>| entry.map(|entry| entry.id.to_string());
        let mut groups = Vec::new();
        for backlog in self.stream.backlogs().await? {
            groups.push(self.group(backlog).await?);
        }
        let rates = self.monitor.rates();
        Ok(PipelineState {
            stream: StreamState {
                length: info.length,
                max_length: self.max_length,
                first_id: id(info.first_entry),
                last_id: id(info.last_entry),
            },
            groups,
            rates: PipelineRates { ingested_1m: rates.ingested, stored_1m: rates.stored },
            dead_letters: self.stream.count_dead_letters().await?,
        })
    }

    async fn group(&self, backlog: GroupBacklog) -> Result<GroupState, StoreError> {
        let GroupBacklog { group, unread, .. } = backlog;
        let consumers = self.stream.consumers(&group.name).await?;
        let oldest = if group.pending == 0 {
            None
        } else {
            self.stream.oldest_pending_age(&group.name).await?
        };
        Ok(GroupState {
            name: group.name,
            pending: group.pending,
            lag: unread.entries,
            oldest_pending_ms: oldest.map(milliseconds),
            consumers: consumers.into_iter().map(ConsumerState::from).collect(),
        })
    }
}

impl From<ConsumerInfo> for ConsumerState {
    fn from(ConsumerInfo { name, pending, idle }: ConsumerInfo) -> Self {
        Self { name, pending, idle_ms: milliseconds(idle) }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
