//! Health, probes, metrics and the pipeline of a running service.

mod dead_letters;
mod health;
mod pipeline;
mod probes;
mod readiness;
mod stream_metrics;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::dead_letters::{DeadLetter, DeadLettersApi};
pub use self::health::{IngestionHealthApi, ProcessingHealthApi};
pub use self::pipeline::{PIPELINE_CATALOGUE, PipelineApi, PipelineWatch};
pub use self::probes::ProbesApi;
pub use self::readiness::Readiness;
pub use self::stream_metrics::{MetricsApi, PrometheusText, RenderPrometheus};

/// Set once a service has begun to shut down; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on the service is not ready.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
