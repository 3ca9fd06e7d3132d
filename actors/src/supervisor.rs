//! `PipelineSupervisor`: starts, restarts and drains the pipeline's actors.
//!
//! Owns the one ordered list of children that all three go by. When it dies the pipeline is over:
//! [`Pipeline::failed`] says so, and the process ends.

use std::sync::Arc;
use std::time::Instant;

use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use readings::store::{RedisServer, StoreError};
use tracing::{error, info, warn};

use crate::actor_names::ActorName;
use crate::config::{PipelineConfig, Shared};
use crate::error::PipelineFailed;
use crate::maintenance::consumer_janitor::ConsumerJanitor;
use crate::maintenance::lag_corrector::LagCorrector;
use crate::maintenance::periodic_task::{Chore, Housekeeper};
use crate::maintenance::retention::ReadingsRetention;
use crate::maintenance::trimmer::Trimmer;
use crate::metrics::{self, METRICS};
use crate::restart_budget::RestartBudget;
use crate::stages::acker::{Acker, AckerMessage};
use crate::stages::bulk_writer::{Committer, CommitterArguments, CommitterMessage};
use crate::stages::dispatcher::Dispatcher;
use crate::stages::pending_reclaimer::{PendingReclaimer, PendingReclaimerArguments};
use crate::stages::stream_reader::{StreamReader, StreamReaderArguments};
use crate::stages::writer_pool::{Writers, WritersArguments, WritersMessage};

/// A running pipeline.
#[derive(Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
    supervisor: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
}

impl Pipeline {
    /// Starts the pipeline. Redis need not be there yet.
    ///
    /// # Errors
    /// When an actor cannot be started.
    pub async fn start(
        config: PipelineConfig,
        server: RedisServer,
    ) -> Result<Self, PipelineFailed> {
        let shared = Arc::new(Shared::new(config, server));
        let (in_flight, size) = (shared.window.clone(), shared.window.clone());
        metrics::watch(move || in_flight.len(), move || size.size());
        let spawned = Actor::spawn(None, PipelineSupervisor, Arc::clone(&shared)).await;
        let (supervisor, ended) = spawned.map_err(Box::new)?;
        Ok(Self { shared, supervisor, ended })
    }

    /// Waits until the pipeline gives up; for ever, if it does not.
    pub async fn failed(&mut self) -> PipelineFailed {
        // Err means that the task was aborted or panicked: over in any case.
        let _ = (&mut self.ended).await;
        PipelineFailed::GaveUp
    }

    /// Stops reading, stores and acknowledges what is in flight, and ends; within the drain timeout.
    /// What is left then stays pending and is taken over by another process or the next start.
    pub async fn shutdown(self) {
        let Self { shared, supervisor, ended } = self;
        info!(in_flight = shared.window.len(), "draining");
        shared.draining.cancel();
        // Err means that it has ended already.
        let _ = supervisor.cast(SupervisorMessage::Drain);
        let _ = ended.await;
        match shared.window.len() {
            0 => info!("drained"),
            left => warn!(left, "not drained in time; what is left stays pending"),
        }
    }
}

/// The children, in the order in which they are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Child {
    Acker,
    Committer,
    Writers,
    StreamReader,
    PendingReclaimer,
    Trimmer,
    ConsumerJanitor,
    ReadingsRetention,
    LagCorrector,
}

impl Child {
    /// Downstream first: each has references to some that stand before it.
    const IN_ORDER: [Self; 9] = [
        Self::Acker,
        Self::Committer,
        Self::Writers,
        Self::StreamReader,
        Self::PendingReclaimer,
        Self::Trimmer,
        Self::ConsumerJanitor,
        Self::ReadingsRetention,
        Self::LagCorrector,
    ];

    const fn name(self) -> ActorName {
        match self {
            Self::Acker => ActorName::Acker,
            Self::Committer => ActorName::Committer,
            Self::Writers => ActorName::Writers,
            Self::StreamReader => ActorName::StreamReader,
            Self::PendingReclaimer => ActorName::PendingReclaimer,
            Self::Trimmer => ActorName::Trimmer,
            Self::ConsumerJanitor => ActorName::ConsumerJanitor,
            Self::ReadingsRetention => ActorName::ReadingsRetention,
            Self::LagCorrector => ActorName::LagCorrector,
        }
    }
}

pub(crate) struct SupervisorState {
    shared: Arc<Shared>,
    /// Those that run: the first so many of [`Child::IN_ORDER`].
    children: Vec<ActorCell>,
    restart_is_due: bool,
    budget: RestartBudget,
}

#[derive(Debug)]
pub(crate) enum SupervisorMessage {
    /// Start the children that do not run.
    Restart,
    /// End the children, those nearest to the stream first, and then yourself.
    Drain,
}

pub(crate) struct PipelineSupervisor;

impl Actor for PipelineSupervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        shared: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut state = SupervisorState {
            shared,
            children: Vec::new(),
            restart_is_due: false,
            budget: RestartBudget::default(),
        };
        state.start_missing(&myself).await?;
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Restart => state.restart(&myself).await?,
            SupervisorMessage::Drain => state.drain(&myself).await,
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
                state.child_ended(child.get_id(), &reason.to_string(), &myself).await
            }
            SupervisionEvent::ActorTerminated(child, _, reason) => {
                let reason = reason.unwrap_or_else(|| "ended without a reason".to_owned());
                state.child_ended(child.get_id(), &reason, &myself).await
            }
            _ => Ok(()),
        }
    }
}

impl SupervisorState {
    /// Handles the end of a child that should be running; of others, which were stopped here, there
    /// is nothing to do.
    async fn child_ended(
        &mut self,
        id: ActorId,
        reason: &str,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<(), ActorProcessingErr> {
        let Some(place) = self.children.iter().position(|child| child.get_id() == id) else {
            return Ok(());
        };
        let name = Child::IN_ORDER[place].name();
        METRICS.restarted(name);
        error!(
            actor = name.as_str(),
            reason, "an actor ended; it and those that depend on it are restarted"
        );
        for child in self.children.drain(place..).skip(1).rev() {
            // Err means that it has ended already.
            let _ = child.kill_and_wait(None).await;
        }
        self.schedule_restart(myself)
    }

    fn schedule_restart(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<(), ActorProcessingErr> {
        let pause = self.budget.spend(Instant::now()).ok_or(PipelineFailed::GaveUp)?;
        if !std::mem::replace(&mut self.restart_is_due, true) {
            myself.send_after(pause, || SupervisorMessage::Restart);
        }
        Ok(())
    }

    async fn restart(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<(), ActorProcessingErr> {
        self.restart_is_due = false;
        if let Err(reason) = self.start_missing(myself).await {
            error!(%reason, "an actor could not be started");
            return self.schedule_restart(myself);
        }
        Ok(())
    }

    async fn start_missing(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<(), SpawnErr> {
        for &child in &Child::IN_ORDER[self.children.len()..] {
            let started = self.start(child, myself.get_cell()).await?;
            self.children.push(started);
        }
        Ok(())
    }

    async fn start(&self, child: Child, supervisor: ActorCell) -> Result<ActorCell, SpawnErr> {
        let shared = Arc::clone(&self.shared);
        match child {
            Child::Acker => spawn(Acker, shared, supervisor).await,
            Child::Committer => {
                let arguments = CommitterArguments { shared, acker: self.acker() };
                spawn(Committer, arguments, supervisor).await
            }
            Child::Writers => {
                let arguments = WritersArguments { shared, committer: self.committer() };
                spawn(Writers, arguments, supervisor).await
            }
            Child::StreamReader => {
                let arguments = StreamReaderArguments { shared, dispatcher: self.dispatcher() };
                spawn(StreamReader, arguments, supervisor).await
            }
            Child::PendingReclaimer => {
                let arguments = PendingReclaimerArguments { shared, dispatcher: self.dispatcher() };
                spawn(PendingReclaimer, arguments, supervisor).await
            }
            Child::Trimmer => keep_house(Trimmer(shared), supervisor).await,
            Child::ConsumerJanitor => keep_house(ConsumerJanitor::new(shared), supervisor).await,
            Child::ReadingsRetention => keep_house(ReadingsRetention(shared), supervisor).await,
            Child::LagCorrector => keep_house(LagCorrector::new(shared), supervisor).await,
        }
    }

    fn acker(&self) -> ActorRef<AckerMessage> {
        self.children[0].clone().into()
    }

    fn committer(&self) -> ActorRef<CommitterMessage> {
        self.children[1].clone().into()
    }

    fn dispatcher(&self) -> Dispatcher {
        let writers: ActorRef<WritersMessage> = self.children[2].clone().into();
        Dispatcher { shared: Arc::clone(&self.shared), writers, acker: self.acker() }
    }

    async fn drain(&mut self, myself: &ActorRef<SupervisorMessage>) {
        let deadline = Instant::now() + self.shared.config.drain_timeout;
        for child in self.children.drain(..).rev() {
            let left = deadline.saturating_duration_since(Instant::now());
            if child.drain_and_wait(Some(left)).await.is_err() {
                child.kill();
            }
        }
        if let Err(error) = self.leave().await {
            warn!(%error, "what is still pending waits for its idle time to be taken over");
        }
        myself.stop(None);
    }

    /// Leaves the group: what could not be finished is anybody's at once, and the consumer is removed
    /// if there was nothing.
    async fn leave(&self) -> Result<(), StoreError> {
        let Shared { stream, config, .. } = self.shared.as_ref();
        let handed_over = stream.hand_over(&config.consumer).await?;
        if handed_over > 0 {
            warn!(handed_over, "entries that were not finished are handed over");
        }
        stream.forget_consumer(&config.consumer).await.map(drop)
    }
}

async fn keep_house(chore: impl Chore, supervisor: ActorCell) -> Result<ActorCell, SpawnErr> {
    spawn(Housekeeper::new(), chore, supervisor).await
}

async fn spawn<A: Actor>(
    actor: A,
    arguments: A::Arguments,
    supervisor: ActorCell,
) -> Result<ActorCell, SpawnErr> {
    Ok(Actor::spawn_linked(None, actor, arguments, supervisor).await?.0.get_cell())
}
