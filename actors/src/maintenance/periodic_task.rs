//! `PeriodicTask`: a maintenance task beside the pipeline, and the actor that runs it.
//!
//! A failed run is logged and retried at the next interval. No entry depends on it.

use std::marker::PhantomData;
use std::time::Duration;

use backon::ConstantBackoff;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::{ErrorClass, StoreError};
use tracing::warn;

use crate::flow::retry::jittered_interval;

pub(crate) trait PeriodicTask: Send + 'static {
    /// The task's name in logs.
    const NAME: &'static str;

    /// The pause between two runs; jitter makes it up to twice as long, so that replicas do not run at the
    /// same time. `None`: the task is disabled.
    fn interval(&self) -> Option<Duration>;

    /// Runs the task once.
    fn run(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Runs one task. Owns only that: while it is not running, the task waits.
pub(crate) struct PeriodicActor<T>(PhantomData<fn() -> T>);

impl<T> PeriodicActor<T> {
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

pub(crate) struct PeriodicActorState<T> {
    task: T,
    pauses: Option<ConstantBackoff>,
}

#[derive(Debug)]
pub(crate) enum PeriodicActorMessage {
    /// Run the task, and schedule the next run.
    Run,
}

impl<T: PeriodicTask> Actor for PeriodicActor<T> {
    type Msg = PeriodicActorMessage;
    type State = PeriodicActorState<T>;
    type Arguments = T;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        task: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let pauses = task.interval().map(jittered_interval);
        let mut state = PeriodicActorState { task, pauses };
        state.schedule(&myself);
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PeriodicActorMessage::Run => {
                if let Err(error) = state.task.run().await {
                    log_failure(T::NAME, &error);
                }
            }
        }
        state.schedule(&myself);
        Ok(())
    }
}

impl<T> PeriodicActorState<T> {
    fn schedule(&mut self, myself: &ActorRef<PeriodicActorMessage>) {
        if let Some(pause) = self.pauses.as_mut().and_then(Iterator::next) {
            myself.send_after(pause, || PeriodicActorMessage::Run);
        }
    }
}

/// The `StreamReader` reports an unavailable Redis and a missing group, so neither is logged here.
fn log_failure(task: &'static str, error: &StoreError) {
    let is_unavailable = matches!(error.class, ErrorClass::Timeout | ErrorClass::Disconnected);
    if !is_unavailable && !error.is_missing_group() && !error.is_missing_key() {
        warn!(%error, task, "maintenance task failed");
    }
}
