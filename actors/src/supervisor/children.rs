//! The supervisor's children, in the one order that starting, restarting and draining follow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ractor::{ActorCell, ActorId, ActorRef, SpawnErr};
use readings::store::Partition;
use readings::store::stream::ReadingStream;
use tracing::{info, warn};

use super::leave::leave_group;
use super::partition_actors::{Downstream, PartitionActors};
use super::spawn::{drain, kill, spawn, spawn_periodic};
use crate::actor_names::ChildName;
use crate::context::PipelineContext;
use crate::maintenance::packing::DayPacking;
use crate::maintenance::retention::ReadingsRetention;
use crate::partition_context::PartitionContext;
use crate::running_partitions::RunningPartitions;
use crate::stages::bulk_writer::{Ackers, BulkWriter, BulkWriterArguments, BulkWriterMessage};
use crate::stages::writer_pool::{WriterPool, WriterPoolArguments, WriterPoolMessage};

/// How long the sources of a partition that retires may take to end. Too low and a reply that is on its way is dropped;
/// too high and the supervisor restarts no other child meanwhile.
const RETIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// The running children: those that all partitions share, and those of each.
#[derive(Debug)]
pub(super) struct Children {
    context: Arc<PipelineContext>,
    running: RunningPartitions,
    /// The first ones of [`ChildName::SHARED`].
    shared: Vec<Shared>,
    partitions: BTreeMap<Partition, PartitionActors>,
}

/// A running child of all partitions; typed where others send to it.
#[derive(Debug)]
enum Shared {
    BulkWriter(ActorRef<BulkWriterMessage>),
    WriterPool(ActorRef<WriterPoolMessage>),
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
    pub const fn new(context: Arc<PipelineContext>, running: RunningPartitions) -> Self {
        Self { context, running, shared: Vec::new(), partitions: BTreeMap::new() }
    }

    /// Starts the children that are not running.
    pub async fn start_missing(&mut self, supervisor: &ActorCell) -> Result<(), StartError> {
        for &name in &ChildName::SHARED[self.shared.len()..] {
            let child = self.start(name, supervisor).await?;
            self.shared.push(child);
        }
        let downstream = self.downstream()?;
        for actors in self.partitions.values_mut().filter(|actors| !actors.is_retiring()) {
            actors.start_missing(&downstream, supervisor).await?;
        }
        Ok(())
    }

    /// Removes a child that has ended, and kills those that were started after it: their references to
    /// it are stale. A child of one partition has none of another. Returns the child's name; `None` if it was killed or
    /// drained here before.
    pub async fn on_ended(&mut self, ended: ActorId) -> Option<ChildName> {
        if let Some(place) = self.shared.iter().position(|child| child.cell().get_id() == ended) {
            return self.on_shared_ended(place).await;
        }
        for actors in self.partitions.values_mut() {
            let name = actors.on_ended(ended).await;
            if name.is_some() {
                return name;
            }
        }
        None
    }

    async fn on_shared_ended(&mut self, place: usize) -> Option<ChildName> {
        let name = ChildName::SHARED.get(place).copied();
        // No child sends to these.
        if !matches!(name, Some(ChildName::ReadingsRetention | ChildName::DayPacker)) {
            for actors in self.partitions.values_mut() {
                actors.kill_after_acker().await;
            }
        }
        let stale: Vec<_> = self.shared.drain(place..).skip(1).map(|child| child.cell()).collect();
        kill(stale.into_iter()).await;
        name
    }

    /// Adds the partitions that have none of the children, which [`Self::start_missing`] then starts, and retires those
    /// that have no more entries. Returns whether some were added.
    pub async fn update_partitions(&mut self, current: &[ReadingStream]) -> bool {
        let is_current =
            |partition| current.iter().any(|stream| stream.keys().partition() == partition);
        let leaving: Vec<_> = self
            .partitions
            .iter()
            .filter(|(partition, actors)| actors.is_retiring() || !is_current(**partition))
            .map(|(partition, _)| *partition)
            .collect();
        for partition in leaving {
            self.retire(partition).await;
        }
        let before = self.partitions.len();
        for stream in current {
            let partition = stream.keys().partition();
            self.partitions.entry(partition).or_insert_with(|| {
                let context =
                    Arc::new(PartitionContext::new(Arc::clone(&self.context), stream.clone()));
                self.running.insert(Arc::clone(&context));
                PartitionActors::new(context)
            });
        }
        self.partitions.len() > before
    }

    /// Drains the children, the sources first; kills those that are not drained at the deadline.
    pub async fn drain(&mut self, deadline: Instant) {
        // All at once: each may wait for the reply to its last read.
        let sources = self.partitions.values_mut().map(|actors| actors.drain_sources(deadline));
        join_all(sources).await;
        for child in self.shared.drain(..).rev() {
            drain(child.cell(), deadline).await;
        }
        join_all(self.partitions.values_mut().map(|actors| actors.drain_acker(deadline))).await;
    }

    /// The first call stops the sources of a partition, and one after its last entry is finished ends its actors.
    async fn retire(&mut self, partition: Partition) {
        let Some(actors) = self.partitions.get_mut(&partition) else { return };
        if !actors.is_retiring() {
            return actors.begin_to_retire();
        }
        let deadline = Instant::now() + RETIRE_TIMEOUT;
        actors.drain_sources(deadline).await;
        let context = Arc::clone(actors.context());
        if context.window.len() > 0 {
            return;
        }
        actors.drain_acker(deadline).await;
        self.partitions.remove(&partition);
        self.running.remove(partition);
        context.window.retire();
        let stream = context.stream.keys().stream();
        info!(
            stream,
            "all entries of the partition are acknowledged, and no more are appended to it"
        );
        if let Err(error) = leave_group(&context).await {
            warn!(%error, stream, "cannot leave the consumer group of the partition");
        }
    }

    async fn start(&self, name: ChildName, supervisor: &ActorCell) -> Result<Shared, StartError> {
        let context = Arc::clone(&self.context);
        Ok(match name {
            ChildName::BulkWriter => {
                let arguments = BulkWriterArguments { context, ackers: self.ackers() };
                Shared::BulkWriter(spawn(BulkWriter, arguments, supervisor).await?)
            }
            ChildName::WriterPool => {
                let arguments = WriterPoolArguments { context, bulk_writer: self.bulk_writer()? };
                Shared::WriterPool(spawn(WriterPool, arguments, supervisor).await?)
            }
            ChildName::DayPacker => {
                Shared::Leaf(spawn_periodic(DayPacking::new(context), supervisor).await?)
            }
            // The others are children of a partition.
            _ => Shared::Leaf(spawn_periodic(ReadingsRetention::new(context), supervisor).await?),
        })
    }

    fn ackers(&self) -> Ackers {
        let running = self.partitions.iter();
        running
            .filter_map(|(&partition, actors)| Some((partition, actors.acker()?.clone())))
            .collect()
    }

    fn downstream(&self) -> Result<Downstream, StartError> {
        let writer_pool = self.shared.iter().find_map(|child| match child {
            Shared::WriterPool(writer_pool) => Some(writer_pool.clone()),
            _ => None,
        });
        let writer_pool = writer_pool.ok_or(StartError::NotRunning(ChildName::WriterPool))?;
        Ok(Downstream { bulk_writer: self.bulk_writer()?, writer_pool })
    }

    fn bulk_writer(&self) -> Result<ActorRef<BulkWriterMessage>, StartError> {
        let bulk_writer = self.shared.iter().find_map(|child| match child {
            Shared::BulkWriter(bulk_writer) => Some(bulk_writer.clone()),
            _ => None,
        });
        bulk_writer.ok_or(StartError::NotRunning(ChildName::BulkWriter))
    }

    #[cfg(test)]
    pub fn shared_ids(&self) -> Vec<ActorId> {
        self.shared.iter().map(|child| child.cell().get_id()).collect()
    }

    #[cfg(test)]
    pub fn ids_of(&self, partition: Partition) -> Vec<ActorId> {
        self.partitions.get(&partition).map(PartitionActors::ids).unwrap_or_default()
    }
}

impl Shared {
    fn cell(&self) -> ActorCell {
        match self {
            Self::BulkWriter(bulk_writer) => bulk_writer.get_cell(),
            Self::WriterPool(writer_pool) => writer_pool.get_cell(),
            Self::Leaf(cell) => cell.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
