//! The response of `GET /pipeline`.

use poem_openapi::Object;

use super::tier_runs_state::{ArchivingState, PackingState};
use super::tiers_state::TiersState;

/// The stream, its consumer groups, its rates and the number of dead letters.
#[derive(Debug, Object)]
pub struct PipelineState {
    pub(super) stream: StreamState,
    /// The consumer groups of the stream.
    pub(super) groups: Vec<GroupState>,
    pub(super) rates: PipelineRates,
    /// Entries that cannot be processed, for an operator to retry or to delete.
    pub(super) dead_letters: u64,
    /// The tiers of stored readings; absent until sites were sampled, or where the service may not do so.
    #[oai(skip_serializing_if_is_none)]
    pub(super) tiers: Option<TiersState>,
    /// The last run of packing in each processing service; absent where none packs days.
    #[oai(skip_serializing_if_is_none)]
    pub(super) packing: Option<Vec<PackingState>>,
    /// The last run of archiving; absent before the first one.
    #[oai(skip_serializing_if_is_none)]
    pub(super) archiving: Option<ArchivingState>,
    /// The partitions of the stream; absent while there is one. What is above is their sum.
    #[oai(skip_serializing_if_is_none)]
    pub(super) partitions: Option<Vec<PartitionState>>,
}

/// The stream of accepted readings.
#[derive(Debug, Default, Object)]
#[oai(rename = "PipelineStream")]
pub struct StreamState {
    /// Entries in the stream, delivered or not; 0 when the stream does not exist.
    pub(super) length: u64,
    // The name is older than its meaning; clients know it.
    /// The limit of the backlog (`MAX_BACKLOG`), above which readings are not accepted; null for no limit, or where
    /// it is unknown.
    #[oai(nullable)]
    pub(super) max_length: Option<u64>,
    /// The id of the oldest entry, or null.
    #[oai(nullable)]
    pub(super) first_id: Option<String>,
    /// The id of the newest entry, or null.
    #[oai(nullable)]
    pub(super) last_id: Option<String>,
}

/// A consumer group.
#[derive(Debug, Object)]
#[oai(rename = "PipelineGroup")]
pub struct GroupState {
    pub(super) name: String,
    /// Entries delivered and not acknowledged: in progress. A backlog is in `lag`.
    pub(super) pending: u64,
    /// Entries not delivered yet; a lower bound while a large backlog is being counted.
    pub(super) lag: u64,
    /// Time since the oldest pending entry was accepted; null when no entry is pending.
    #[oai(nullable)]
    pub(super) oldest_pending_ms: Option<u64>,
    pub(super) consumers: Vec<ConsumerState>,
}

/// One of several partitions of the stream.
#[derive(Debug, Object)]
#[oai(rename = "PipelinePartition")]
pub struct PartitionState {
    /// Its number; null for the whole stream, which holds what was accepted when there was one partition.
    #[oai(nullable)]
    pub(super) partition: Option<u16>,
    /// Entries in it, delivered or not.
    pub(super) length: u64,
    /// Entries delivered to the group of this service and not acknowledged.
    pub(super) pending: u64,
    /// Entries not delivered to it yet; a lower bound while a large backlog is being counted.
    pub(super) lag: u64,
    /// Time since the oldest pending entry was accepted; null when no entry is pending.
    #[oai(nullable)]
    pub(super) oldest_pending_ms: Option<u64>,
    /// The id of the oldest entry, or null.
    #[oai(nullable)]
    pub(super) first_id: Option<String>,
    /// The id of the newest entry, or null.
    #[oai(nullable)]
    pub(super) last_id: Option<String>,
    /// Its dead letters.
    pub(super) dead_letters: u64,
}

/// A consumer: a processing service, running or not.
#[derive(Debug, Object)]
#[oai(rename = "PipelineConsumer")]
pub struct ConsumerState {
    pub(super) name: String,
    /// Entries delivered to it and not acknowledged.
    pub(super) pending: u64,
    /// Time since its last delivery or heartbeat.
    pub(super) idle_ms: u64,
}

/// Readings per second over the last minute, of all processes; null until two samples exist.
#[derive(Debug, Object)]
pub struct PipelineRates {
    /// Accepted.
    #[oai(nullable)]
    pub(super) ingested_1m: Option<f64>,
    /// Stored and acknowledged.
    #[oai(nullable)]
    pub(super) stored_1m: Option<f64>,
}
