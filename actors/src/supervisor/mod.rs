//! `PipelineSupervisor`: starts, restarts and drains the pipeline's actors.
//!
//! Owns the [`Children`] and the restart budget. When it ends the pipeline has ended:
//! [`crate::Pipeline::failed`] returns, and the process exits.

mod children;
mod leave;

use std::sync::Arc;
use std::time::Instant;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tracing::{error, warn};

use crate::context::PipelineContext;
use crate::error::PipelineError;
use crate::metrics::METRICS;
use crate::restart_budget::RestartBudget;
use children::Children;

pub(crate) struct SupervisorState {
    context: Arc<PipelineContext>,
    children: Children,
    /// When the children that are not running are started again.
    restart_due: Option<Instant>,
    budget: RestartBudget,
}

#[derive(Debug)]
pub(crate) enum SupervisorMessage {
    /// Start the children that are not running.
    Restart,
    /// Drain the children, the sources first, leave the group, and end.
    Drain,
}

pub(crate) struct PipelineSupervisor;

impl Actor for PipelineSupervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = Arc<PipelineContext>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        context: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut children = Children::new(Arc::clone(&context));
        children.start_missing(&myself).await?;
        let budget = RestartBudget::default();
        Ok(SupervisorState { context, children, restart_due: None, budget })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Restart => state.restart(&myself).await?,
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

    async fn drain(&mut self) {
        let deadline = Instant::now() + self.context.config.drain_timeout;
        self.children.drain(deadline).await;
        if let Err(error) = leave::leave_group(&self.context).await {
            warn!(%error, "cannot hand over pending entries; they are claimed after their idle time");
        }
    }
}

#[cfg(test)]
mod tests;
