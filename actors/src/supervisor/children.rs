//! The supervisor's children, in the one order that starting, restarting and draining follow.

use std::sync::Arc;
use std::time::Instant;

use ractor::{Actor, ActorCell, ActorId, ActorRef, SpawnErr};

use crate::actor_names::ChildName;
use crate::context::PipelineContext;
use crate::maintenance::consumer_janitor::ConsumerJanitor;
use crate::maintenance::lag_corrector::LagCorrector;
use crate::maintenance::periodic_task::{PeriodicActor, PeriodicTask};
use crate::maintenance::retention::ReadingsRetention;
use crate::maintenance::trimmer::Trimmer;
use crate::stages::acker::{Acker, AckerMessage};
use crate::stages::bulk_writer::{BulkWriter, BulkWriterArguments, BulkWriterMessage};
use crate::stages::dispatcher::Dispatcher;
use crate::stages::pending_reclaimer::PendingReclaimer;
use crate::stages::source_actor::{EntrySource, SourceActor, SourceArguments};
use crate::stages::stream_reader::StreamReader;
use crate::stages::writer_pool::{WriterPool, WriterPoolArguments, WriterPoolMessage};

/// The running children: the first ones of [`ChildName::IN_START_ORDER`].
#[derive(Debug)]
pub(super) struct Children {
    context: Arc<PipelineContext>,
    running: Vec<Child>,
}

/// A running child; typed where a later child sends to it.
#[derive(Debug)]
enum Child {
    Acker(ActorRef<AckerMessage>),
    BulkWriter(ActorRef<BulkWriterMessage>),
    WriterPool(ActorRef<WriterPoolMessage>),
    /// The sources and the maintenance tasks: no other child sends to them.
    Leaf(ActorCell),
}

/// A child could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Spawn(#[from] SpawnErr),
    /// The start order is wrong.
    #[error("a child needs {}, which is not running", .0.as_str())]
    NotRunning(ChildName),
}

impl Children {
    pub const fn new(context: Arc<PipelineContext>) -> Self {
        Self { context, running: Vec::new() }
    }

    /// Starts the children that are not running.
    pub async fn start_missing(&mut self, supervisor: &ActorCell) -> Result<(), StartError> {
        for &name in &ChildName::IN_START_ORDER[self.running.len()..] {
            let child = self.start(name, supervisor.clone()).await?;
            self.running.push(child);
        }
        Ok(())
    }

    /// Removes a child that has ended, and kills those that were started after it: their references to
    /// it are stale. Returns the child's name; `None` if it was killed or drained here before.
    pub async fn on_ended(&mut self, ended: ActorId) -> Option<ChildName> {
        let place = self.running.iter().position(|child| child.cell().get_id() == ended)?;
        for child in self.running.drain(place..).skip(1).rev() {
            // Err: it has ended already.
            let _ = child.cell().kill_and_wait(None).await;
        }
        ChildName::IN_START_ORDER.get(place).copied()
    }

    /// Drains the children, the sources first; kills those that are not drained at the deadline.
    pub async fn drain(&mut self, deadline: Instant) {
        for child in self.running.drain(..).rev() {
            let remaining = deadline.saturating_duration_since(Instant::now());
            if child.cell().drain_and_wait(Some(remaining)).await.is_err() {
                child.cell().kill();
            }
        }
    }

    #[cfg(test)]
    pub fn ids(&self) -> Vec<ActorId> {
        self.running.iter().map(|child| child.cell().get_id()).collect()
    }

    #[cfg(test)]
    pub fn names(&self) -> &'static [ChildName] {
        &ChildName::IN_START_ORDER[..self.running.len()]
    }

    async fn start(&self, name: ChildName, supervisor: ActorCell) -> Result<Child, StartError> {
        let context = Arc::clone(&self.context);
        Ok(match name {
            ChildName::Acker => Child::Acker(spawn(Acker, context, supervisor).await?),
            ChildName::BulkWriter => {
                let arguments = BulkWriterArguments { context, acker: self.acker()? };
                Child::BulkWriter(spawn(BulkWriter, arguments, supervisor).await?)
            }
            ChildName::WriterPool => {
                let arguments = WriterPoolArguments { context, bulk_writer: self.bulk_writer()? };
                Child::WriterPool(spawn(WriterPool, arguments, supervisor).await?)
            }
            ChildName::StreamReader => {
                self.start_source(StreamReader::new(context), supervisor).await?
            }
            ChildName::PendingReclaimer => {
                self.start_source(PendingReclaimer::new(context), supervisor).await?
            }
            ChildName::Trimmer => spawn_periodic(Trimmer(context), supervisor).await?,
            ChildName::ConsumerJanitor => {
                spawn_periodic(ConsumerJanitor::new(context), supervisor).await?
            }
            ChildName::ReadingsRetention => {
                spawn_periodic(ReadingsRetention(context), supervisor).await?
            }
            ChildName::LagCorrector => {
                spawn_periodic(LagCorrector::new(context), supervisor).await?
            }
        })
    }

    async fn start_source(
        &self,
        source: impl EntrySource,
        supervisor: ActorCell,
    ) -> Result<Child, StartError> {
        let dispatcher = Dispatcher {
            context: Arc::clone(&self.context),
            writer_pool: self.writer_pool()?,
            acker: self.acker()?,
        };
        let arguments = SourceArguments { source, dispatcher };
        let actor = spawn(SourceActor::new(), arguments, supervisor).await?;
        Ok(Child::Leaf(actor.get_cell()))
    }

    fn acker(&self) -> Result<ActorRef<AckerMessage>, StartError> {
        self.find(ChildName::Acker, |child| match child {
            Child::Acker(acker) => Some(acker.clone()),
            _ => None,
        })
    }

    fn bulk_writer(&self) -> Result<ActorRef<BulkWriterMessage>, StartError> {
        self.find(ChildName::BulkWriter, |child| match child {
            Child::BulkWriter(bulk_writer) => Some(bulk_writer.clone()),
            _ => None,
        })
    }

    fn writer_pool(&self) -> Result<ActorRef<WriterPoolMessage>, StartError> {
        self.find(ChildName::WriterPool, |child| match child {
            Child::WriterPool(writer_pool) => Some(writer_pool.clone()),
            _ => None,
        })
    }

    fn find<T>(
        &self,
        name: ChildName,
        typed: impl Fn(&Child) -> Option<T>,
    ) -> Result<T, StartError> {
        self.running.iter().find_map(typed).ok_or(StartError::NotRunning(name))
    }
}

impl Child {
    fn cell(&self) -> ActorCell {
        match self {
            Self::Acker(acker) => acker.get_cell(),
            Self::BulkWriter(bulk_writer) => bulk_writer.get_cell(),
            Self::WriterPool(writer_pool) => writer_pool.get_cell(),
            Self::Leaf(cell) => cell.clone(),
        }
    }
}

async fn spawn_periodic(task: impl PeriodicTask, supervisor: ActorCell) -> Result<Child, SpawnErr> {
    let actor = spawn(PeriodicActor::new(), task, supervisor).await?;
    Ok(Child::Leaf(actor.get_cell()))
}

async fn spawn<A: Actor>(
    actor: A,
    arguments: A::Arguments,
    supervisor: ActorCell,
) -> Result<ActorRef<A::Msg>, SpawnErr> {
    let (actor, _task) = Actor::spawn_linked(None, actor, arguments, supervisor).await?;
    Ok(actor)
}

#[cfg(test)]
mod tests {
    use ractor::{ActorProcessingErr, SupervisionEvent};

    use super::*;
    use crate::test_support;

    /// Starts children and leaves their end to the test.
    struct Supervisor;

    impl Actor for Supervisor {
        type Msg = ();
        type State = ();
        type Arguments = ();

        async fn pre_start(
            &self,
            _myself: ActorRef<Self::Msg>,
            (): Self::Arguments,
        ) -> Result<Self::State, ActorProcessingErr> {
            Ok(())
        }

        async fn handle_supervisor_evt(
            &self,
            _myself: ActorRef<Self::Msg>,
            _event: SupervisionEvent,
            _state: &mut Self::State,
        ) -> Result<(), ActorProcessingErr> {
            Ok(())
        }
    }

    async fn started() -> (ActorCell, Children) {
        let supervisor = spawn_supervisor().await;
        let mut children = Children::new(Arc::new(test_support::context()));
        children.start_missing(&supervisor).await.unwrap();
        (supervisor, children)
    }

    async fn spawn_supervisor() -> ActorCell {
        Actor::spawn(None, Supervisor, ()).await.unwrap().0.get_cell()
    }

    fn ids(children: &Children) -> Vec<ActorId> {
        children.running.iter().map(|child| child.cell().get_id()).collect()
    }

    #[tokio::test]
    async fn each_child_finds_the_children_that_it_sends_to_in_start_order() {
        let (supervisor, children) = started().await;
        assert_eq!(children.running.len(), ChildName::IN_START_ORDER.len());
        supervisor.kill();
    }

    #[tokio::test]
    async fn a_child_is_not_started_without_the_children_that_it_sends_to() {
        let supervisor = spawn_supervisor().await;
        let children = Children::new(Arc::new(test_support::context()));
        let refused = children.start(ChildName::WriterPool, supervisor.clone()).await.unwrap_err();
        assert!(matches!(refused, StartError::NotRunning(ChildName::BulkWriter)), "{refused}");
        supervisor.kill();
    }

    #[tokio::test]
    async fn a_child_and_those_started_after_it_are_restarted_and_those_before_it_go_on() {
        let (supervisor, mut children) = started().await;
        let before = ids(&children);
        let place = 2;
        children.running[place].cell().kill_and_wait(None).await.unwrap();
        assert_eq!(children.on_ended(before[place]).await, Some(ChildName::WriterPool));
        assert_eq!(ids(&children), before[..place]);
        children.start_missing(&supervisor).await.unwrap();
        let after = ids(&children);
        assert_eq!((after.len(), &after[..place]), (before.len(), &before[..place]));
        assert!(after[place..].iter().all(|id| !before.contains(id)));
        supervisor.kill();
    }

    #[tokio::test]
    async fn the_end_of_a_child_that_was_stopped_here_restarts_nothing() {
        let (supervisor, mut children) = started().await;
        let before = ids(&children);
        children.on_ended(before[3]).await.unwrap();
        assert_eq!(children.on_ended(before[4]).await, None);
        assert_eq!(ids(&children), before[..3]);
        supervisor.kill();
    }
}
