//! `Acker`: acknowledges entries that are stored, and buries those that never can be.
//!
//! Owns the acknowledgements on their way. When it dies they are abandoned: the entries stay pending,
//! are read and stored once more (which changes nothing) and acknowledged then.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::{StoreError, StreamId};
use tracing::{info, warn};

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
        Ok(AckerState { shared, permits: Vec::new(), flush_is_due: false })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            AckerMessage::Acknowledge(batch) => state.collect(batch, &myself).await?,
            AckerMessage::Bury(batch) => state.bury(batch).await?,
            AckerMessage::Flush => state.flush().await?,
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        Ok(state.flush().await?)
    }
}

impl AckerState {
    async fn collect(
        &mut self,
        AckBatch(permit): AckBatch,
        myself: &ActorRef<AckerMessage>,
    ) -> Result<(), ActorProcessingErr> {
        self.permits.push(permit);
        if self.permits.iter().map(|permit| permit.ids().len()).sum::<usize>() >= FLUSH_AT {
            self.flush().await?;
        } else if !mem::replace(&mut self.flush_is_due, true) {
            myself.send_after(FLUSH_AFTER, || AckerMessage::Flush);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.flush_is_due = false;
        let permits = mem::take(&mut self.permits);
        let ids: Vec<StreamId> = permits.iter().flat_map(InFlightPermit::ids).copied().collect();
        if ids.is_empty() {
            return Ok(());
        }
        fail::fail_point!("acker-before-xack");
        let stream = &self.shared.stream;
        let acknowledged = retry::until_done(|| stream.acknowledge(&ids)).await?;
        if acknowledged == 0 {
            self.ensure_group().await?;
        }
        permits.into_iter().for_each(InFlightPermit::settle);
        Ok(())
    }

    /// `XACK` answers 0 when stream or group are gone, and says nothing more about it.
    async fn ensure_group(&self) -> Result<(), StoreError> {
        let stream = &self.shared.stream;
        if retry::until_done(|| stream.ensure_group()).await? {
            METRICS.group_created();
            warn!("the consumer group was gone and has been created again from the stream's start");
        }
        Ok(())
    }

    async fn bury(&self, batch: DeadLetterBatch) -> Result<(), StoreError> {
        let Shared { stream, config, .. } = self.shared.as_ref();
        for letter in &batch.letters {
            retry::until_done(|| stream.bury(letter, &config.consumer)).await?;
            let (id, reason) = (letter.id, &letter.reason);
            info!(entry = %id, reason, "an entry that cannot become a reading is a dead letter now");
        }
        METRICS.dead_lettered(batch.letters.len());
        batch.permit.settle();
        Ok(())
    }
}
