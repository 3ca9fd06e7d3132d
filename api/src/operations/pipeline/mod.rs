//! `GET /pipeline`: the stream, its groups and consumers, and the rates.

mod partition_report;
mod rates;
mod state;
mod stream_monitor;
mod tier_monitor;
mod tier_runs_state;
mod tiers_state;

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use readings::store::StoreError;
use readings::store::stream::StreamPartitions;
use readings::store::stream::every_partition::of_each;
use readings::store::tier_runs::TierRuns;

use self::partition_report::{PartitionReport, group_states, stream_state};
use self::state::{GroupState, PipelineRates, PipelineState};
pub use self::stream_monitor::{CATALOGUE as PIPELINE_CATALOGUE, StreamMonitor};
pub use self::tier_monitor::{CATALOGUE as TIERS_CATALOGUE, TierMonitor};
use self::tier_runs_state::packing_states;
use self::tiers_state::TiersState;
use crate::api_tag::ApiTag;
use crate::store_failure::{ServiceUnavailable, StoreOperation};

/// `/pipeline`.
#[derive(Debug)]
pub struct PipelineApi {
    /// The partitions of the stream to describe.
    pub partitions: StreamPartitions,
    /// Measures the rates.
    pub monitor: StreamMonitor,
    /// Samples the tiers.
    pub tiers: TierMonitor,
    /// The runs of packing and archiving of all processes.
    pub tier_runs: TierRuns,
    /// The limit of the backlog, in entries, where it is known here.
    pub max_length: Option<u64>,
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
    /// The backlog, the consumers with their pending entries, and the rates of accepted and stored readings: sums over
    /// all partitions of the stream, and each of several. Where days are packed and archived, how the last run went.
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
        let streams = self.partitions.current();
        let (reports, runs) =
            tokio::try_join!(of_each(&streams, PartitionReport::read), self.tier_runs.read())?;
        let groups = group_states(&reports);
        let rates = self.monitor.rates();
        let group = self.partitions.keys().group();
        let has_several = reports.len() > 1;
        Ok(PipelineState {
            stream: stream_state(&reports, self.max_length),
            rates: PipelineRates { ingested_1m: rates.ingested, stored_1m: rates.stored },
            dead_letters: reports.iter().map(|it| it.dead_letters).sum(),
            tiers: self.tiers.of_sites().map(TiersState::from),
            packing: packing_states(&runs, |name| has_consumer(&groups, name)),
            archiving: runs.archiving.as_ref().map(Into::into),
            groups,
            partitions: has_several.then(|| reports.iter().map(|it| it.state(group)).collect()),
        })
    }
}

fn has_consumer(groups: &[GroupState], name: &str) -> bool {
    groups.iter().flat_map(|group| &group.consumers).any(|consumer| consumer.name == name)
}
