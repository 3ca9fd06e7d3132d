//! `BulkWriter`: stores what the writers have prepared, many sites at once.
//!
//! Owns the bulk writes in progress. Writers never wait for Redis: the writes that they prepare during a bulk
//! write go with the next one. It is shared by all partitions, so that bulk writes are as large with many as with one. When this actor fails, its bulk writes are cancelled and their entries abandoned: they
//! may have been stored, and are read and stored again, which is idempotent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::SiteId;
use readings::store::dead_letters::DeadLetter;
use readings::store::{Partition, StoreError};
use tokio::task::JoinSet;
use tracing::warn;

use super::acker::AckerMessage;
use super::batch::{AckBatch, DeadLetterBatch, PreparedWrite};
use super::bulk_write::{BulkWrite, CompletedWrite};
use crate::context::PipelineContext;
use crate::flow::in_flight::InFlightPermit;

/// Bulk writes that may be in progress at once. Too low and Redis waits for this process between two; too
/// high and each is small.
const MAX_CONCURRENT_WRITES: usize = 3;

/// The ackers of the partitions.
pub(crate) type Ackers = HashMap<Partition, ActorRef<AckerMessage>>;

pub(crate) struct BulkWriterArguments {
    pub context: Arc<PipelineContext>,
    /// Those that are running already.
    pub ackers: Ackers,
}

pub(crate) struct BulkWriterState {
    context: Arc<PipelineContext>,
    /// Replaced when one of them changes: the bulk writes in progress keep theirs.
    ackers: Arc<Ackers>,
    queue: Vec<PreparedWrite>,
    tasks: JoinSet<()>,
    in_progress: usize,
    flush_is_due: bool,
}

#[derive(Debug)]
pub(crate) enum BulkWriterMessage {
    /// Store these readings.
    Enqueue(PreparedWrite),
    /// This acker of a partition has been started. Sent before any entry of the partition.
    AckerStarted(Partition, ActorRef<AckerMessage>),
    /// Start a bulk write of the queue.
    Flush,
    /// A bulk write has ended.
    WriteEnded,
}

pub(crate) struct BulkWriter;

impl Actor for BulkWriter {
    type Msg = BulkWriterMessage;
    type State = BulkWriterState;
    type Arguments = BulkWriterArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        BulkWriterArguments { context, ackers }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(BulkWriterState {
            context,
            ackers: Arc::new(ackers),
            queue: Vec::new(),
            tasks: JoinSet::new(),
            in_progress: 0,
            flush_is_due: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            BulkWriterMessage::Enqueue(write) => state.queue.push(write),
            BulkWriterMessage::AckerStarted(partition, acker) => {
                Arc::make_mut(&mut state.ackers).insert(partition, acker);
            }
            BulkWriterMessage::Flush => {
                state.flush_is_due = false;
                state.start_write(&myself);
            }
            BulkWriterMessage::WriteEnded => state.collect_finished()?,
        }
        state.schedule_flush(&myself);
        Ok(())
    }

    async fn post_stop(
        &self,
        myself: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        state.start_write(&myself);
        while let Some(ended) = state.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}

impl BulkWriterState {
    /// Schedules the flush behind all messages that are queued now, so that writes which are being prepared
    /// at the same time go with the same bulk write.
    fn schedule_flush(&mut self, myself: &ActorRef<BulkWriterMessage>) {
        let may_start = !self.queue.is_empty() && self.in_progress < MAX_CONCURRENT_WRITES;
        if may_start && !self.flush_is_due {
            self.flush_is_due = true;
            // Err: this actor is draining, and `post_stop` starts the bulk write.
            let _ = myself.cast(BulkWriterMessage::Flush);
        }
    }

    fn start_write(&mut self, myself: &ActorRef<BulkWriterMessage>) {
        if self.queue.is_empty() {
            return;
        }
        let write = BulkWrite::new(Arc::clone(&self.context), std::mem::take(&mut self.queue));
        let ackers = Arc::clone(&self.ackers);
        let end_notice = EndNotice(myself.clone());
        self.in_progress += 1;
        self.tasks.spawn(async move {
            let _sent_on_drop = end_notice;
            forward_to_ackers(write.store().await, &ackers);
        });
    }

    fn collect_finished(&mut self) -> Result<(), ActorProcessingErr> {
        self.in_progress -= 1;
        while let Some(ended) = self.tasks.try_join_next() {
            ended?;
        }
        Ok(())
    }
}

/// Sends [`BulkWriterMessage::WriteEnded`] when the task of a bulk write ends, also by a panic.
struct EndNotice(ActorRef<BulkWriterMessage>);

impl Drop for EndNotice {
    fn drop(&mut self) {
        // Err: the actor has ended, and its tasks with it.
        let _ = self.0.cast(BulkWriterMessage::WriteEnded);
    }
}

/// Has stored entries acknowledged in one batch a partition, and those of rejected writes dead-lettered.
fn forward_to_ackers(
    CompletedWrite { writes, rejections, fence, generation }: CompletedWrite,
    ackers: &Ackers,
) {
    fail::fail_point!("bulk-write-after-zadd");
    let mut stored = Vec::with_capacity(writes.len());
    for (mut write, rejection) in writes.into_iter().zip(rejections) {
        // Settled and not acknowledged: another consumer has the fenced entries.
        if let Some(fenced) = fence.fenced(&write) {
            write.permit = write.permit.without(fenced);
            write.entries.retain(|entry| !fenced.contains(&entry.id));
        }
        if let Some(error) = rejection {
            let partition = write.permit.partition();
            send(ackers, partition, AckerMessage::DeadLetter(dead_letters(write, &error)));
        } else {
            stored.push(write.permit);
        }
    }
    for permit in InFlightPermit::merge(stored) {
        let partition = permit.partition();
        send(ackers, partition, AckerMessage::Acknowledge(AckBatch { permit, generation }));
    }
}

fn send(ackers: &Ackers, partition: Partition, message: AckerMessage) {
    // Without an acker the message is dropped, and so are the permits: the entries are abandoned, and read again when
    // the partition's actors have been restarted. Err: it has ended.
    if let Some(acker) = ackers.get(&partition) {
        let _ = acker.cast(message);
    }
}

fn dead_letters(write: PreparedWrite, error: &StoreError) -> DeadLetterBatch {
    log_rejection(&write.site, error);
    let mut dead_letters = Vec::with_capacity(write.entries.len());
    for entry in &write.entries {
        dead_letters.push(DeadLetter::from_entry(entry, error.without_server(), 1));
    }
    DeadLetterBatch { dead_letters, permit: write.permit }
}

fn log_rejection(site: &SiteId, error: &StoreError) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(%site, %error, suppressed, "site key has the wrong type; its entries are dead-lettered");
    }
}

#[cfg(test)]
mod tests;
