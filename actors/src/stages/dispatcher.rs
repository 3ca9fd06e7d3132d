//! Hands a delivery on: readings to the writers, the rest to the acker.

use std::sync::Arc;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use ractor::ActorRef;
use readings::store::StreamId;
use readings::store::codec::StreamEntry;
use readings::store::dead_letters::DeadLetter;
use readings::store::delivery::Delivery;
use tracing::warn;

use crate::config::Shared;
use crate::error::NobodyThere;
use crate::flow::batch::{AckBatch, DeadLetterBatch, ReadBatch, ids};
use crate::flow::in_flight::{InFlightPermit, Reservation};
use crate::metrics::METRICS;
use crate::stages::acker::AckerMessage;
use crate::stages::delivery_source::Source;
use crate::stages::writer_pool::WritersMessage;

/// The way out of both sources.
#[derive(Debug, Clone)]
pub(crate) struct Dispatcher {
    pub shared: Arc<Shared>,
    pub writers: ActorRef<WritersMessage>,
    pub acker: ActorRef<AckerMessage>,
}

/// A delivery by what becomes of it.
#[derive(Default)]
struct Sorted {
    readings: Vec<StreamEntry>,
    /// Work on these has panicked before: each goes alone, so that it takes no other down with it.
    suspects: Vec<StreamEntry>,
    letters: Vec<DeadLetter>,
    bodiless: Vec<StreamId>,
    buried: Vec<StreamId>,
}

impl Dispatcher {
    /// Puts in flight what is not in flight yet; `delivered` is when it was asked for.
    pub fn dispatch(
        &self,
        source: Source,
        room: Reservation,
        mut delivery: Delivery,
        delivered: Instant,
    ) -> Result<(), NobodyThere> {
        self.shared.window.weigh(delivery.len(), delivery.bytes);
        delivery.retain(|id| !self.shared.window.contains(id));
        if delivery.is_empty() {
            return Ok(());
        }
        source.note(&self.shared, &delivery);
        let Sorted { readings, suspects, letters, bodiless, buried } = self.sort(delivery);
        let mut groups = vec![
            ids(&readings),
            letters.iter().map(|letter| letter.id).collect(),
            bodiless.clone(),
            buried,
        ];
        groups.extend(suspects.iter().map(|entry| vec![entry.id]));
        let mut permits = room.admit(groups.concat()).partition(groups).into_iter();
        let mut next = || permits.next().ok_or(NobodyThere);
        self.route(readings, next()?, delivered)?;
        self.bury(letters, next()?)?;
        self.acknowledge_lost(&bodiless, next()?)?;
        self.acknowledge(next()?)?;
        for suspect in suspects {
            self.route(vec![suspect], next()?, delivered)?;
        }
        Ok(())
    }

    fn sort(&self, delivery: Delivery) -> Sorted {
        let Delivery { entries, undecodable, bodiless, buried, .. } = delivery;
        let letters = undecodable.into_iter().map(Into::into).collect();
        let mut sorted = Sorted { letters, bodiless, buried, ..Sorted::default() };
        for entry in entries {
            match self.shared.window.failures(entry.id) {
                0 => sorted.readings.push(entry),
                failures if failures < self.shared.config.max_deliveries.get() => {
                    sorted.suspects.push(entry);
                }
                failures => {
                    let reason = format!("storing it failed {failures} times, each with a panic");
                    sorted.letters.push(DeadLetter::refused(&entry, reason, failures));
                }
            }
        }
        sorted
    }

    fn route(
        &self,
        entries: Vec<StreamEntry>,
        permit: InFlightPermit,
        delivered: Instant,
    ) -> Result<(), NobodyThere> {
        if !entries.is_empty() {
            let batch = ReadBatch { entries, permit, delivered };
            self.writers.cast(WritersMessage::Route(batch))?;
        }
        Ok(())
    }

    fn bury(&self, letters: Vec<DeadLetter>, permit: InFlightPermit) -> Result<(), NobodyThere> {
        if !letters.is_empty() {
            self.acker.cast(AckerMessage::Bury(DeadLetterBatch { letters, permit }))?;
        }
        Ok(())
    }

    fn acknowledge_lost(
        &self,
        ids: &[StreamId],
        permit: InFlightPermit,
    ) -> Result<(), NobodyThere> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let Some(first) = ids.first() else { return Ok(()) };
        METRICS.lost_bodies(ids.len());
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            let count = ids.len();
            warn!(count, %first, suppressed, "lost: pending entries were trimmed before they were read");
        }
        self.acknowledge(permit)
    }

    fn acknowledge(&self, permit: InFlightPermit) -> Result<(), NobodyThere> {
        if !permit.ids().is_empty() {
            let epoch = self.shared.stream.epoch();
            self.acker.cast(AckerMessage::Acknowledge(AckBatch { permit, epoch }))?;
        }
        Ok(())
    }
}
