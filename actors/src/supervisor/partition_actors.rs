//! `PartitionActors`: the children that process one partition.

use std::sync::Arc;
use std::time::Instant;

use ractor::{ActorCell, ActorId, ActorRef, SpawnErr};

use super::spawn::{drain, kill, spawn, spawn_periodic};
use crate::actor_names::ChildName;
use crate::maintenance::consumer_janitor::ConsumerJanitor;
use crate::maintenance::lag_corrector::LagCorrector;
use crate::maintenance::trimmer::Trimmer;
use crate::partition_context::PartitionContext;
use crate::stages::acker::{Acker, AckerMessage};
use crate::stages::bulk_writer::BulkWriterMessage;
use crate::stages::dispatcher::Dispatcher;
use crate::stages::pending_reclaimer::PendingReclaimer;
use crate::stages::source_actor::{EntrySource, SourceActor, SourceArguments};
use crate::stages::stream_reader::StreamReader;
use crate::stages::writer_pool::WriterPoolMessage;

/// The shared children that those of a partition send to.
#[derive(Debug, Clone)]
pub(super) struct Downstream {
    pub bulk_writer: ActorRef<BulkWriterMessage>,
    pub writer_pool: ActorRef<WriterPoolMessage>,
}

/// The running children of a partition.
#[derive(Debug)]
pub(super) struct PartitionActors {
    context: Arc<PartitionContext>,
    acker: Option<ActorRef<AckerMessage>>,
    /// The first ones of [`ChildName::AFTER_ACKER`]; none without an acker.
    after_acker: Vec<ActorCell>,
    /// Whether the partition has no more entries to be read: its sources stop.
    is_retiring: bool,
}

impl PartitionActors {
    pub const fn new(context: Arc<PartitionContext>) -> Self {
        Self { context, acker: None, after_acker: Vec::new(), is_retiring: false }
    }

    pub const fn context(&self) -> &Arc<PartitionContext> {
        &self.context
    }

    pub const fn acker(&self) -> Option<&ActorRef<AckerMessage>> {
        self.acker.as_ref()
    }

    /// Starts the children that are not running, unless the partition retires.
    pub async fn start_missing(
        &mut self,
        downstream: &Downstream,
        supervisor: &ActorCell,
    ) -> Result<(), SpawnErr> {
        let acker = if let Some(acker) = &self.acker {
            acker.clone()
        } else {
            let acker = spawn(Acker, Arc::clone(&self.context), supervisor).await?;
            // Err: it has ended, and its successor is given all ackers.
            let _ = downstream
                .bulk_writer
                .cast(BulkWriterMessage::AckerStarted(self.context.partition(), acker.clone()));
            self.acker.insert(acker).clone()
        };
        let writer_pool = downstream.writer_pool.clone();
        let dispatcher = Dispatcher { context: Arc::clone(&self.context), writer_pool, acker };
        for &name in &ChildName::AFTER_ACKER[self.after_acker.len()..] {
            let child = self.start(name, &dispatcher, supervisor).await?;
            self.after_acker.push(child);
        }
        Ok(())
    }

    /// As [`super::children::Children::on_ended`], of the children of this partition.
    pub async fn on_ended(&mut self, ended: ActorId) -> Option<ChildName> {
        if self.acker.take_if(|acker| acker.get_id() == ended).is_some() {
            self.kill_after_acker().await;
            return Some(ChildName::Acker);
        }
        let place = self.after_acker.iter().position(|child| child.get_id() == ended)?;
        kill(self.after_acker.drain(place..).skip(1).collect::<Vec<_>>().into_iter()).await;
        ChildName::AFTER_ACKER.get(place).copied()
    }

    /// Kills all but the acker, when a child that they send to has ended.
    pub async fn kill_after_acker(&mut self) {
        kill(self.after_acker.drain(..)).await;
    }

    /// Stops the sources: the partition has no more entries.
    pub fn begin_to_retire(&mut self) {
        self.is_retiring = true;
        self.context.draining.cancel();
    }

    pub const fn is_retiring(&self) -> bool {
        self.is_retiring
    }

    /// Drains all but the acker.
    pub async fn drain_sources(&mut self, deadline: Instant) {
        for child in self.after_acker.drain(..).rev() {
            drain(child, deadline).await;
        }
    }

    /// Drains the acker; to be called last.
    pub async fn drain_acker(&mut self, deadline: Instant) {
        if let Some(acker) = self.acker.take() {
            drain(acker.get_cell(), deadline).await;
        }
    }

    async fn start(
        &self,
        name: ChildName,
        dispatcher: &Dispatcher,
        supervisor: &ActorCell,
    ) -> Result<ActorCell, SpawnErr> {
        let context = Arc::clone(&self.context);
        match name {
            ChildName::StreamReader => {
                start_source(StreamReader::new(context), dispatcher, supervisor).await
            }
            ChildName::PendingReclaimer => {
                start_source(PendingReclaimer::new(context), dispatcher, supervisor).await
            }
            ChildName::Trimmer => spawn_periodic(Trimmer(context), supervisor).await,
            ChildName::ConsumerJanitor => {
                spawn_periodic(ConsumerJanitor::new(context), supervisor).await
            }
            // The others are no children of a partition.
            _ => spawn_periodic(LagCorrector::new(context), supervisor).await,
        }
    }

    #[cfg(test)]
    pub fn ids(&self) -> Vec<ActorId> {
        let acker = self.acker.iter().map(|acker| acker.get_id());
        acker.chain(self.after_acker.iter().map(ActorCell::get_id)).collect()
    }
}

async fn start_source(
    source: impl EntrySource,
    dispatcher: &Dispatcher,
    supervisor: &ActorCell,
) -> Result<ActorCell, SpawnErr> {
    let arguments = SourceArguments { source, dispatcher: dispatcher.clone() };
    Ok(spawn(SourceActor::new(), arguments, supervisor).await?.get_cell())
}
