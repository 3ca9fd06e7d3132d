//! `PipelineSupervisor`: starts, restarts and drains the pipeline's actors.
//!
//! Owns the [`Children`] and the restart budget. When it ends the pipeline has ended:
//! [`crate::Pipeline::failed`] returns, and the process exits.

mod children;
mod leave;
mod partition_actors;
mod spawn;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tracing::{error, warn};

use crate::context::PipelineContext;
use crate::error::PipelineError;
use crate::metrics::METRICS;
use crate::restart_budget::RestartBudget;
use crate::running_partitions::RunningPartitions;
use children::Children;

/// How often the partitions that have actors are compared with those in use. Too low and the supervisor is woken for
/// nothing; too high and entries of a new partition are read that much later.
const PARTITIONS_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct SupervisorArguments {
    pub context: Arc<PipelineContext>,
    /// Filled by the supervisor.
    pub running: RunningPartitions,
}

pub(crate) struct SupervisorState {
    context: Arc<PipelineContext>,
    running: RunningPartitions,
    children: Children,
    /// When the children that are not running are started again.
    restart_due: Option<Instant>,
    budget: RestartBudget,
}

#[derive(Debug)]
pub(crate) enum SupervisorMessage {
    /// Start the children that are not running.
    Restart,
    /// Start the children of partitions that are new, and retire those without entries.
    UpdatePartitions,
    /// Drain the children, the sources first, leave the group, and end.
    Drain,
}

pub(crate) struct PipelineSupervisor;

impl Actor for PipelineSupervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = SupervisorArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        SupervisorArguments { context, running }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut children = Children::new(Arc::clone(&context), running.clone());
        children.update_partitions(&context.partitions.current()).await;
        children.start_missing(&myself).await?;
        myself.send_interval(PARTITIONS_INTERVAL, || SupervisorMessage::UpdatePartitions);
        let budget = RestartBudget::default();
        Ok(SupervisorState { context, running, children, restart_due: None, budget })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Restart => state.restart(&myself).await?,
            SupervisorMessage::UpdatePartitions => state.update_partitions(&myself).await?,
            SupervisorMessage::Drain => {
                state.drain().await;
                myself.stop(None);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(child, reason) => {
                state.on_child_ended(child.get_id(), &reason.to_string(), &myself).await
            }
            SupervisionEvent::ActorTerminated(child, _, reason) => {
                let reason = reason.unwrap_or_else(|| "ended without a reason".to_owned());
                state.on_child_ended(child.get_id(), &reason, &myself).await
            }
            _ => Ok(()),
        }
    }
}

impl SupervisorState {
    async fn on_child_ended(
        &mut self,
        id: ActorId,
        reason: &str,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<(), ActorProcessingErr> {
        // Not running: killed or drained by the supervisor itself.
        let Some(name) = self.children.on_ended(id).await else { return Ok(()) };
        let actor = name.as_str();
        METRICS.restarted(actor);
        error!(actor, reason, "actor failed; it and the actors started after it are restarted");
        self.schedule_restart(myself)
    }

    fn schedule_restart(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<(), ActorProcessingErr> {
        let now = Instant::now();
        // Each failure is charged to the budget, also one that a scheduled restart will cover.
        let pause = self.budget.spend(now).ok_or(PipelineError::RestartLimit)?;
        if self.restart_due.is_none() {
            self.restart_due = Some(now + pause);
            myself.send_after(pause, || SupervisorMessage::Restart);
        }
        Ok(())
    }

    async fn restart(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<(), ActorProcessingErr> {
        self.restart_due = None;
        if let Err(reason) = self.children.start_missing(myself).await {
            error!(%reason, "an actor could not be started");
            return self.schedule_restart(myself);
        }
        Ok(())
    }

    async fn update_partitions(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<(), ActorProcessingErr> {
        let current = self.context.partitions.current();
        let added = self.children.update_partitions(&current).await;
        // A restart that is due starts them as well.
        if added && self.restart_due.is_none() { self.restart(myself).await } else { Ok(()) }
    }

    async fn drain(&mut self) {
        let deadline = Instant::now() + self.context.config.drain_timeout;
        self.children.drain(deadline).await;
        let partitions = self.running.all();
        let left = join_all(partitions.iter().map(|partition| leave::leave_group(partition))).await;
        for error in left.into_iter().filter_map(Result::err) {
            warn!(%error, "cannot hand over pending entries; they are claimed after their idle time");
        }
    }
}

#[cfg(test)]
mod tests;
