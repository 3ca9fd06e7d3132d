//! `Pipeline`: starts the supervisor and drains it.

use std::sync::Arc;

use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorRef};
use readings::store::RedisServer;
use readings::store::stream::StreamPartitions;
use tracing::{info, warn};

use crate::config::PipelineConfig;
use crate::context::PipelineContext;
use crate::error::PipelineError;
use crate::liveness::Liveness;
use crate::metrics;
use crate::running_partitions::RunningPartitions;
use crate::supervisor::{PipelineSupervisor, SupervisorArguments, SupervisorMessage};

/// A running pipeline.
#[derive(Debug)]
pub struct Pipeline {
    context: Arc<PipelineContext>,
    partitions: RunningPartitions,
    supervisor: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
}

impl Pipeline {
    /// Starts the pipeline of the current partitions, over a connection of its own, and follows their changes. Redis need
    /// not be reachable yet.
    ///
    /// # Errors
    /// When an actor cannot be started.
    pub async fn start(
        config: PipelineConfig,
        server: RedisServer,
        partitions: &StreamPartitions,
    ) -> Result<Self, PipelineError> {
        let context = Arc::new(PipelineContext::new(config, server, partitions));
        register_gauges(&context);
        let partitions = RunningPartitions::default();
        let arguments =
            SupervisorArguments { context: Arc::clone(&context), running: partitions.clone() };
        let spawned = Actor::spawn(None, PipelineSupervisor, arguments).await;
        let (supervisor, ended) = spawned.map_err(Box::new)?;
        Ok(Self { context, partitions, supervisor, ended })
    }

    /// Watches the pipeline's progress.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        Liveness::new(Arc::clone(&self.context), self.partitions.clone())
    }

    /// Returns when the supervisor has ended; pending as long as it runs.
    pub async fn failed(&mut self) -> PipelineError {
        // Err: the task was aborted or panicked. It has ended in either case.
        let _ = (&mut self.ended).await;
        PipelineError::RestartLimit
    }

    /// Stops reading, stores and acknowledges the entries in flight, and ends; within
    /// `drain_timeout`. Entries that are in flight after it stay pending, and another consumer or the
    /// next start claims them.
    pub async fn shutdown(self) {
        let Self { context, supervisor, ended, .. } = self;
        info!(in_flight = context.window.len(), "draining");
        context.draining.cancel();
        // Err: the supervisor has ended already.
        let _ = supervisor.cast(SupervisorMessage::Drain);
        let _ = ended.await;
        match context.window.len() {
            0 => info!("drained"),
            in_flight => warn!(in_flight, "drain timeout: entries in flight stay pending"),
        }
    }
}

fn register_gauges(context: &PipelineContext) {
    let entries = context.window.clone();
    let limit = context.window.clone();
    metrics::register(move || entries.len(), move || limit.limit());
}
