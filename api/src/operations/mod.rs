//! Health, probes, metrics, the pipeline, its receivers and its dead letters.

mod dead_letters;
mod health;
mod liveness;
mod metrics;
mod pipeline;
mod probes;
mod prometheus;
mod readiness;
mod receivers;

pub use self::dead_letters::{DeadLetter, DeadLettersApi};
pub use self::health::{IngestionHealthApi, ProcessingHealthApi};
pub use self::liveness::CheckLiveness;
pub use self::metrics::{MetricsApi, PrometheusText, RenderPrometheus};
pub use self::pipeline::{
    PIPELINE_CATALOGUE, PipelineApi, StreamMonitor, TIERS_CATALOGUE, TierMonitor,
};
pub use self::probes::ProbesApi;
pub use self::prometheus::PrometheusApi;
pub use self::readiness::Readiness;
pub use self::receivers::ReceiversApi;
