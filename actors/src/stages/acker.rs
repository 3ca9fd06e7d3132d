//! `Acker`: acknowledges entries of a partition that need not be delivered again, and has the others dead-lettered.
//!
//! **The contract.** An entry is acknowledged (`XACK`) after Redis has confirmed the write of its reading,
//! and in the connection generation of that write, or not at all: the server of a later generation may not
//! have the reading. Permits are settled when Redis has replied to the `XACK`; all others are abandoned,
//! so their entries are redelivered and stored again, which is idempotent. An error is never the end of an
//! acknowledgement, only its delay.
//!
//! | `XACK` | Cause | Entries |
//! |---|---|---|
//! | acknowledges all | the normal case | settled |
//! | acknowledges fewer | another consumer claimed some, and acknowledged or dead-lettered them | settled; a reading that was also dead-lettered is removed: the dead letter wins |
//! | acknowledges fewer | the group was deleted, which `XACK` does not report | settled; the group is created again, and all entries of the stream are redelivered |
//! | is not sent | the generation of the write has ended: failover, or restart from an older file | abandoned |
//! | fails | Redis is unavailable | retried until it succeeds; meanwhile nothing is read |
//!
//! Owns the acknowledgements that are not confirmed. When it fails they are abandoned.

use std::sync::Arc;
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::{Generation, StoreError, StreamId};
use tracing::warn;

use super::batch::{AckBatch, DeadLetterBatch};
use super::dead_letterer::DeadLetterer;
use crate::flow::in_flight::InFlightPermit;
use crate::flow::retry::retry_forever;
use crate::flow::traces::CommandTiming;
use crate::partition_context::PartitionContext;

/// Acknowledgements are collected for this long. Too low and each costs a command of its own; too high
/// and entries stay pending, and hold their permits, longer than they are processed.
const FLUSH_INTERVAL: Duration = Duration::from_millis(2);

/// This many acknowledgements are sent without waiting for more. Too low and commands are small; too high
/// and one command delays others in Redis (about 0.4 µs an id).
const FLUSH_SIZE: usize = 1_000;

pub(crate) struct AckerState {
    context: Arc<PartitionContext>,
    dead_letterer: DeadLetterer,
    queue: Vec<AckBatch>,
    queued_entries: usize,
    flush_is_due: bool,
}

#[derive(Debug)]
pub(crate) enum AckerMessage {
    /// These entries need not be delivered again.
    Acknowledge(AckBatch),
    /// These entries can never be stored.
    DeadLetter(DeadLetterBatch),
    /// Send the queued acknowledgements.
    Flush,
}

pub(crate) struct Acker;

impl Actor for Acker {
    type Msg = AckerMessage;
    type State = AckerState;
    type Arguments = Arc<PartitionContext>;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        context: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(AckerState {
            dead_letterer: DeadLetterer::new(Arc::clone(&context)),
            context,
            queue: Vec::new(),
            queued_entries: 0,
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
            AckerMessage::Acknowledge(batch) => state.enqueue(batch, &myself).await,
            AckerMessage::DeadLetter(batch) => state.dead_letterer.dead_letter(batch).await,
            AckerMessage::Flush => state.flush().await,
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        state.flush().await;
        Ok(())
    }
}

impl AckerState {
    async fn enqueue(&mut self, batch: AckBatch, myself: &ActorRef<AckerMessage>) {
        self.queued_entries += batch.permit.ids().len();
        self.queue.push(batch);
        if self.queued_entries >= FLUSH_SIZE {
            self.flush().await;
        } else if !self.flush_is_due {
            self.flush_is_due = true;
            myself.send_after(FLUSH_INTERVAL, || AckerMessage::Flush);
        }
    }

    async fn flush(&mut self) {
        self.flush_is_due = false;
        self.queued_entries = 0;
        let queue = std::mem::take(&mut self.queue);
        fail::fail_point!("acker-before-xack");
        let generation = self.context.stream.generation();
        let mut current = Vec::with_capacity(queue.len());
        let mut outdated = Vec::new();
        for AckBatch { permit, generation: stored_in } in queue {
            let permits = if stored_in == generation { &mut current } else { &mut outdated };
            permits.push(permit);
        }
        abandon(outdated);
        self.acknowledge(current, generation).await;
    }

    async fn acknowledge(&self, permits: Vec<InFlightPermit>, generation: Generation) {
        let mut ids: Vec<_> = permits.iter().flat_map(InFlightPermit::ids).copied().collect();
        if ids.is_empty() {
            return;
        }
        // They come by site. The pending entries list is a radix tree, from which Redis removes neighbours in half the time.
        ids.sort_unstable();
        let PartitionContext { stream, outage, traces, .. } = self.context.as_ref();
        let timing = CommandTiming::start("XACK");
        let acknowledged = retry_forever(outage, || stream.acknowledge(&ids, generation)).await;
        fail::fail_point!("acker-after-xack");
        match acknowledged {
            // The generation ended between the check in `flush` and the command.
            None => return abandon(permits),
            Some(acknowledged) if acknowledged < ids.len() as u64 => {
                retry_forever(outage, || self.resolve_shortfall(&ids)).await;
            }
            Some(_) => {}
        }
        traces.finish(timing, ids);
        permits.into_iter().for_each(InFlightPermit::settle);
    }

    /// Some entries were not pending any more. Either the group was deleted, or another consumer claimed
    /// them while this process was slow; it may have dead-lettered an entry that was then stored here.
    async fn resolve_shortfall(&self, ids: &[StreamId]) -> Result<(), StoreError> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let PartitionContext { stream, pipeline, .. } = self.context.as_ref();
        stream.ensure_group().await?;
        let dead_letters = stream.dead_letters_of(&ids.iter().copied().collect()).await?;
        for dead_letter in dead_letters.values() {
            // `None`: an entry that is no reading, so it was not stored.
            let Some(entry) = dead_letter.entry() else { continue };
            if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                warn!(entry = %entry.id, suppressed, "a dead-lettered entry was stored as well; its reading is removed");
            }
            pipeline.series.remove(&entry.reading.site_id.clone(), &[entry]).await?;
        }
        Ok(())
    }
}

/// Has entries delivered and stored again that were stored in an earlier generation.
fn abandon(permits: Vec<InFlightPermit>) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let count = permits.iter().map(|permit| permit.ids().len()).sum::<usize>();
    if count > 0
        && let Some(suppressed) = THROTTLE.should_log(Instant::now())
    {
        warn!(
            count,
            suppressed, "connection lost between write and XACK; entries are stored again"
        );
    }
    drop(permits);
}

#[cfg(test)]
mod tests;
