//! `Dispatcher`: puts a delivery in flight and sends each part on: readings to the writer pool, the rest
//! to the acker.

use std::sync::Arc;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use ractor::ActorRef;
use readings::store::StreamId;
use readings::store::codec::StreamEntry;
use readings::store::dead_letters::DeadLetter;
use readings::store::delivery::Delivery;
use tracing::warn;

use super::acker::AckerMessage;
use super::batch::{AckBatch, DeadLetterBatch, ReadBatch, ids};
use super::delivery_origin::DeliveryOrigin;
use super::writer_pool::WriterPoolMessage;
use crate::error::DownstreamClosed;
use crate::flow::in_flight::{InFlightPermit, PermitSplit, Reservation};
use crate::metrics::METRICS;
use crate::partition_context::PartitionContext;

/// Sends the deliveries of both sources of a partition to the stages behind them.
#[derive(Debug, Clone)]
pub(crate) struct Dispatcher {
    pub context: Arc<PartitionContext>,
    pub writer_pool: ActorRef<WriterPoolMessage>,
    pub acker: ActorRef<AckerMessage>,
}

/// A delivery by what its entries need.
#[derive(Default)]
struct Classified {
    readings: Vec<StreamEntry>,
    /// Readings that have panicked before. Each goes in a batch of its own, so that another panic drops
    /// no other entry.
    quarantined: Vec<StreamEntry>,
    dead_letters: Vec<DeadLetter>,
    /// Pending, and no longer in the stream.
    deleted: Vec<StreamId>,
    /// Dead-lettered or deleted before, and delivered again.
    finished: Vec<StreamId>,
}

impl Dispatcher {
    /// Sends on the entries that are not in flight yet; `requested_at` as in [`ReadBatch`].
    pub fn dispatch(
        &self,
        origin: DeliveryOrigin,
        reservation: Reservation,
        mut delivery: Delivery,
        requested_at: Instant,
    ) -> Result<(), DownstreamClosed> {
        self.context.window.record_entry_size(delivery.len(), delivery.field_bytes);
        // A read of pending entries and a claim also deliver what this process is still processing.
        delivery.retain(|id| !self.context.window.contains(id));
        if delivery.is_empty() {
            return Ok(());
        }
        origin.record(&self.context, &delivery);
        // All are put in flight before the first is sent: if an actor has ended, the permits of those not
        // sent are dropped with the split, and the entries are read again.
        let permits = reservation.fill(delivery.ids().collect()).split();
        self.send(self.classify(delivery), permits, requested_at)
    }

    fn send(
        &self,
        classified: Classified,
        mut permits: PermitSplit,
        requested_at: Instant,
    ) -> Result<(), DownstreamClosed> {
        let Classified { readings, quarantined, dead_letters, deleted, finished } = classified;
        // Most readings in one message, which the pool splits by site.
        let permit = permits.split_off(ids(&readings));
        self.route(readings, permit, requested_at)?;
        for entry in quarantined {
            let permit = permits.split_off(vec![entry.id]);
            self.route(vec![entry], permit, requested_at)?;
        }
        let dead_letter_ids = dead_letters.iter().map(|dead_letter| dead_letter.id).collect();
        self.dead_letter(dead_letters, permits.split_off(dead_letter_ids))?;
        // Acknowledged without a reading: there is nothing left to store, and they would be claimed for ever.
        report_deleted(&deleted);
        self.acknowledge(permits.split_off(deleted))?;
        self.acknowledge(permits.split_off(finished))
    }

    fn classify(&self, delivery: Delivery) -> Classified {
        let Delivery { entries, undecodable, deleted, finished, .. } = delivery;
        let mut classified = Classified {
            readings: Vec::with_capacity(entries.len()),
            dead_letters: undecodable.into_iter().map(DeadLetter::from).collect(),
            deleted,
            finished,
            ..Classified::default()
        };
        let max_failures = self.context.pipeline.config.max_processing_failures.get();
        for entry in entries {
            match self.context.window.failures(entry.id) {
                0 => classified.readings.push(entry),
                failures if failures < max_failures => classified.quarantined.push(entry),
                failures => {
                    let reason = format!("storing it failed {failures} times, each with a panic");
                    let dead_letter = DeadLetter::from_entry(&entry, reason, failures);
                    classified.dead_letters.push(dead_letter);
                }
            }
        }
        classified
    }

    fn route(
        &self,
        entries: Vec<StreamEntry>,
        permit: InFlightPermit,
        requested_at: Instant,
    ) -> Result<(), DownstreamClosed> {
        if !entries.is_empty() {
            let partition = Arc::clone(&self.context);
            let batch = ReadBatch { partition, entries, permit, requested_at };
            self.writer_pool.cast(WriterPoolMessage::Route(batch))?;
        }
        Ok(())
    }

    fn dead_letter(
        &self,
        dead_letters: Vec<DeadLetter>,
        permit: InFlightPermit,
    ) -> Result<(), DownstreamClosed> {
        if !dead_letters.is_empty() {
            let batch = DeadLetterBatch { dead_letters, permit };
            self.acker.cast(AckerMessage::DeadLetter(batch))?;
        }
        Ok(())
    }

    fn acknowledge(&self, permit: InFlightPermit) -> Result<(), DownstreamClosed> {
        if !permit.ids().is_empty() {
            let generation = self.context.stream.generation();
            self.acker.cast(AckerMessage::Acknowledge(AckBatch { permit, generation }))?;
        }
        Ok(())
    }
}

fn report_deleted(ids: &[StreamId]) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let Some(first) = ids.first() else { return };
    METRICS.pending_deleted(ids.len());
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        let count = ids.len();
        warn!(count, %first, suppressed, "pending entries were deleted from the stream before they were read; their readings are lost");
    }
}

#[cfg(test)]
mod tests;
