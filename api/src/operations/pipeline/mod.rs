//! `GET /pipeline`: what is on its way, and with whom.

mod stream_monitor;

use std::time::Duration;

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use readings::store::StoreError;
use readings::store::backlog::GroupBacklog;
use readings::store::info::ConsumerInfo;
use readings::store::info::EntryPreview;
use readings::store::stream::ReadingStream;

pub use self::stream_monitor::{CATALOGUE as PIPELINE_CATALOGUE, PipelineWatch};
use crate::error_body::ErrorBody;
use crate::store_failure::{StoreOperation, unavailable};
use crate::tags::Topic;

/// `/pipeline`.
#[derive(Debug)]
pub struct PipelineApi {
    /// The stream to tell of.
    pub stream: ReadingStream,
    /// What was seen of it lately.
    pub watch: PipelineWatch,
    /// Entries that may wait to be processed, where that is known here.
    pub max_length: Option<u64>,
}

/// The stream, those who work on it, and what they could not do.
#[derive(Debug, Object)]
pub struct PipelineState {
    stream: StreamState,
    /// The consumer groups of the stream.
    groups: Vec<GroupState>,
    rates: PipelineRates,
    /// Entries that cannot become readings and wait for a decision.
    dead_letters: u64,
}

/// The stream of accepted readings.
#[derive(Debug, Default, Object)]
#[oai(rename = "PipelineStream")]
pub struct StreamState {
    /// Entries in it, read or not; 0 when there is no stream.
    length: u64,
    /// Entries that may wait before no more are taken (`MAX_BACKLOG`); null for no limit, or where it
    /// is not known.
    #[oai(nullable)]
    max_length: Option<u64>,
    /// The oldest entry, or null.
    #[oai(nullable)]
    first_id: Option<String>,
    /// The newest entry, or null.
    #[oai(nullable)]
    last_id: Option<String>,
}

/// A consumer group.
#[derive(Debug, Object)]
#[oai(rename = "PipelineGroup")]
pub struct GroupState {
    name: String,
    /// Entries delivered and not acknowledged: work under way. A backlog is in `lag`.
    pending: u64,
    /// Entries not delivered yet; at least so many while a large backlog is being counted.
    lag: u64,
    /// How long ago the oldest pending entry was accepted; null when nothing is pending.
    #[oai(nullable)]
    oldest_pending_ms: Option<u64>,
    consumers: Vec<ConsumerState>,
}

/// A consumer: a processing service, alive or not.
#[derive(Debug, Object)]
#[oai(rename = "PipelineConsumer")]
pub struct ConsumerState {
    name: String,
    /// Entries delivered to it and not acknowledged.
    pending: u64,
    /// Since its last delivery or sign of life.
    idle_ms: u64,
}

/// Readings a second over the last minute, of all processes together; null until that is known.
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
enum PipelineAnswer {
    /// What is on its way.
    #[oai(status = 200)]
    State(Json<PipelineState>),
    /// The store cannot be read now.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

#[OpenApi(tag = "Topic::Operations")]
impl PipelineApi {
    /// The pipeline
    ///
    /// How many readings wait, who works on them and since when, and how fast they come and go.
    #[oai(path = "/pipeline", method = "get", operation_id = "get_pipeline")]
    async fn pipeline(&self) -> PipelineAnswer {
        match self.state().await {
            Ok(state) => PipelineAnswer::State(Json(state)),
            Err(error) => {
                let (problem, retry_after) = unavailable(StoreOperation::DescribePipeline, &error);
                PipelineAnswer::Unavailable(Json(problem), retry_after)
            }
        }
    }
}

impl PipelineApi {
    async fn state(&self) -> Result<PipelineState, StoreError> {
        let status = self.stream.info().await?.unwrap_or_default();
        let id = |entry: Option<EntryPreview>| entry.map(|entry| entry.id.to_string());
        let mut groups = Vec::new();
        for backlog in self.stream.backlogs().await? {
            groups.push(self.group(backlog).await?);
        }
        let rates = self.watch.rates();
        Ok(PipelineState {
            stream: StreamState {
                length: status.length,
                max_length: self.max_length,
                first_id: id(status.first_entry),
                last_id: id(status.last_entry),
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
