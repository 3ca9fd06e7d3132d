//! Hands a delivery on: readings to the writers, the rest to the acker.

use ractor::{ActorRef, MessagingErr};
use readings::store::StreamId;
use readings::store::stream::Delivery;
use tracing::warn;

use crate::acker::AckerMessage;
use crate::batch::{AckBatch, DeadLetterBatch, ReadBatch};
use crate::in_flight::Reservation;
use crate::metrics::METRICS;
use crate::writers::WritersMessage;

/// The way out of both sources.
#[derive(Debug, Clone)]
pub(crate) struct Dispatcher {
    pub writers: ActorRef<WritersMessage>,
    pub acker: ActorRef<AckerMessage>,
}

/// The actor that should take a delivery is gone; the supervisor is about to restart the sender too.
#[derive(Debug, thiserror::Error)]
#[error("the next actor is gone")]
pub(crate) struct NobodyThere;

impl<T> From<MessagingErr<T>> for NobodyThere {
    fn from(_: MessagingErr<T>) -> Self {
        Self
    }
}

impl Dispatcher {
    /// Puts a delivery in flight.
    pub fn dispatch(&self, room: Reservation, delivery: Delivery) -> Result<(), NobodyThere> {
        let Delivery { entries, undecodable, bodiless } = delivery;
        let groups: [Vec<StreamId>; 3] = [
            entries.iter().map(|entry| entry.id).collect(),
            undecodable.iter().map(|entry| entry.id).collect(),
            bodiless.clone(),
        ];
        let permits = room.admit(groups.concat()).partition(groups);
        let Ok([of_entries, of_undecodable, of_bodiless]) = <[_; 3]>::try_from(permits) else {
            unreachable!("three groups give three permits")
        };
        if !entries.is_empty() {
            self.writers.cast(WritersMessage::Route(ReadBatch { entries, permit: of_entries }))?;
        }
        if !undecodable.is_empty() {
            let letters = undecodable.into_iter().map(Into::into).collect();
            let batch = DeadLetterBatch { letters, permit: of_undecodable };
            self.acker.cast(AckerMessage::Bury(batch))?;
        }
        if !bodiless.is_empty() {
            report_lost(&bodiless);
            self.acker.cast(AckerMessage::Acknowledge(AckBatch(of_bodiless)))?;
        }
        Ok(())
    }
}

fn report_lost(ids: &[StreamId]) {
    METRICS.lost_bodies(ids.len());
    let first = ids.first().map(ToString::to_string);
    warn!(
        count = ids.len(),
        first, "pending entries were trimmed from the stream before they were read: lost"
    );
}
