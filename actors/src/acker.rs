//! `Acker`: acknowledges entries that are stored, and buries those that never can be.
//!
//! Owns the acknowledgements on their way. When it dies they are abandoned: the entries stay pending,
//! are read and stored once more (which changes nothing) and acknowledged then.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::dead_letters::DeadLetter;
use readings::store::{StoreError, StreamId};
use tracing::warn;

use crate::batch::{AckBatch, DeadLetterBatch};
use crate::config::Shared;
use crate::in_flight::InFlightPermit;
use crate::metrics::METRICS;
use crate::retry;

/// Acknowledgements are collected for this long. Too low and each costs a command of its own; too
/// high and entries count as pending, and hold their permits, longer than they are worked on.
const FLUSH_AFTER: Duration = Duration::from_millis(2);

/// This many acknowledgements are sent at once without waiting. Too high and one command keeps Redis
/// from others (about 0.4 µs an id).
const FLUSH_AT: usize = 1_000;

pub(crate) struct AckerState {
    shared: Arc<Shared>,
    permits: Vec<InFlightPermit>,
    collected: usize,
    flush_is_due: bool,
}

#[derive(Debug)]
pub(crate) enum AckerMessage {
    /// These entries need not be delivered again.
    Acknowledge(AckBatch),
    /// These entries can never be stored.
    Bury(DeadLetterBatch),
    /// Send what has been collected.
    Flush,
}

pub(crate) struct Acker;

impl Actor for Acker {
    type Msg = AckerMessage;
    type State = AckerState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        shared: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(AckerState { shared, permits: Vec::new(), collected: 0, flush_is_due: false })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            AckerMessage::Acknowledge(batch) => state.collect(batch, &myself).await,
            AckerMessage::Bury(batch) => state.bury(batch).await,
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
    async fn collect(&mut self, AckBatch(permit): AckBatch, myself: &ActorRef<AckerMessage>) {
        self.collected += permit.ids().len();
        self.permits.push(permit);
        if self.collected >= FLUSH_AT {
            self.flush().await;
        } else if !mem::replace(&mut self.flush_is_due, true) {
            myself.send_after(FLUSH_AFTER, || AckerMessage::Flush);
        }
    }

    async fn flush(&mut self) {
        self.flush_is_due = false;
        self.collected = 0;
        let permits = mem::take(&mut self.permits);
        let ids: Vec<StreamId> = permits.iter().flat_map(InFlightPermit::ids).copied().collect();
        if ids.is_empty() {
            return;
        }
        fail::fail_point!("acker-before-xack");
        let Shared { stream, outage, .. } = self.shared.as_ref();
        let acknowledged = retry::until_done(outage, || stream.acknowledge(&ids)).await;
        fail::fail_point!("acker-after-xack");
        if acknowledged < ids.len() as u64 {
            retry::until_done(outage, || self.explain_missing(&ids)).await;
        }
        permits.into_iter().for_each(InFlightPermit::settle);
    }

    /// Some entries were no longer pending. Either the group is gone, which `XACK` does not say; or
    /// another consumer took them over while this process was too slow, and may have buried one that
    /// was then stored here: a dead letter wins.
    async fn explain_missing(&self, ids: &[StreamId]) -> Result<(), StoreError> {
        let Shared { stream, series, .. } = self.shared.as_ref();
        self.ensure_group().await?;
        for letter in stream.buried_among(&ids.iter().copied().collect::<HashSet<_>>()).await? {
            if let Some(entry) = letter.entry() {
                warn!(entry = %entry.id, "a dead letter was stored as well, and is removed again");
                series.remove(&entry.reading.site_id.clone(), &[entry]).await?;
            }
        }
        Ok(())
    }

    async fn ensure_group(&self) -> Result<(), StoreError> {
        if self.shared.stream.ensure_group().await? {
            METRICS.group_created();
            warn!("the consumer group was gone and has been created again from the stream's start");
        }
        Ok(())
    }

    async fn bury(&self, batch: DeadLetterBatch) {
        for letter in &batch.letters {
            retry::until_done(&self.shared.outage, || self.bury_one(letter)).await;
        }
        METRICS.dead_lettered(batch.letters.len());
        if let Some(DeadLetter { id, reason, .. }) = batch.letters.first() {
            let count = batch.letters.len();
            warn!(count, entry = %id, reason, "entries became dead letters; the first of them");
        }
        batch.permit.settle();
    }

    async fn bury_one(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let Shared { stream, config, .. } = self.shared.as_ref();
        match stream.bury(letter, &config.consumer).await {
            // Without a group the entry is not pending: it will be delivered and buried anew.
            Err(error) if error.wants_group() => self.ensure_group().await,
            buried => buried,
        }
    }
}
