//! `Acker`: acknowledges entries that are stored, and buries those that never can be.
//!
//! Owns the acknowledgements on their way. When it dies they are abandoned: the entries stay pending,
//! are read and stored once more (which changes nothing) and acknowledged then. So they are when the
//! server that stored them has been replaced: after a failover, or a restart from an older file, the
//! entry may be there and its reading not.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::dead_letters::DeadLetter;
use readings::store::{Epoch, StoreError, StreamId};
use tracing::warn;

use crate::config::Shared;
use crate::flow::batch::{AckBatch, DeadLetterBatch};
use crate::flow::in_flight::InFlightPermit;
use crate::flow::retry;
use crate::flow::traces::Exchange;
use crate::metrics::METRICS;

/// Acknowledgements are collected for this long. Too low and each costs a command of its own; too
/// high and entries count as pending, and hold their permits, longer than they are worked on.
const FLUSH_AFTER: Duration = Duration::from_millis(2);

/// This many acknowledgements are sent at once without waiting. Too high and one command keeps Redis
/// from others (about 0.4 µs an id).
const FLUSH_AT: usize = 1_000;

pub(crate) struct AckerState {
    shared: Arc<Shared>,
    stored: Vec<AckBatch>,
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
        Ok(AckerState { shared, stored: Vec::new(), collected: 0, flush_is_due: false })
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

/// Lets entries be read and stored again. They were stored, but by a server that has been replaced
/// since, by one that may not have them.
fn abandon(permits: Vec<InFlightPermit>) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let count = permits.iter().map(|permit| permit.ids().len()).sum::<usize>();
    if count > 0
        && let Some(suppressed) = THROTTLE.should_log(Instant::now())
    {
        warn!(
            count,
            suppressed, "stored before the connection was lost; stored again to be certain"
        );
    }
    drop(permits);
}

impl AckerState {
    async fn collect(&mut self, batch: AckBatch, myself: &ActorRef<AckerMessage>) {
        self.collected += batch.permit.ids().len();
        self.stored.push(batch);
        if self.collected >= FLUSH_AT {
            self.flush().await;
        } else if !mem::replace(&mut self.flush_is_due, true) {
            myself.send_after(FLUSH_AFTER, || AckerMessage::Flush);
        }
    }

    async fn flush(&mut self) {
        self.flush_is_due = false;
        self.collected = 0;
        let stored = mem::take(&mut self.stored);
        fail::fail_point!("acker-before-xack");
        let epoch = self.shared.stream.epoch();
        let (current, outdated): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|batch| batch.epoch == epoch);
        let permits = |batches: Vec<AckBatch>| batches.into_iter().map(|batch| batch.permit);
        abandon(permits(outdated).collect());
        self.acknowledge(permits(current).collect(), epoch).await;
    }

    async fn acknowledge(&self, permits: Vec<InFlightPermit>, epoch: Epoch) {
        let ids: Vec<StreamId> = permits.iter().flat_map(InFlightPermit::ids).copied().collect();
        if ids.is_empty() {
            return;
        }
        let Shared { stream, outage, traces, .. } = self.shared.as_ref();
        let exchange = Exchange::begin("XACK");
        let acknowledged = retry::until_done(outage, || stream.acknowledge(&ids, epoch)).await;
        fail::fail_point!("acker-after-xack");
        match acknowledged {
            None => return abandon(permits),
            Some(acknowledged) if acknowledged < ids.len() as u64 => {
                retry::until_done(outage, || self.explain_missing(&ids)).await;
            }
            Some(_) => {}
        }
        traces.end(exchange, ids);
        permits.into_iter().for_each(InFlightPermit::settle);
    }

    /// Some entries were no longer pending. Either the group is gone, which `XACK` does not say; or
    /// another consumer took them over while this process was too slow, and may have buried one that
    /// was then stored here: a dead letter wins.
    async fn explain_missing(&self, ids: &[StreamId]) -> Result<(), StoreError> {
        let Shared { stream, series, .. } = self.shared.as_ref();
        self.ensure_group().await?;
        let buried = stream.buried_among(&ids.iter().copied().collect()).await?;
        for letter in buried.values() {
            if let Some(entry) = letter.entry() {
                static THROTTLE: LogThrottle = LogThrottle::new();
                if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                    let entry = entry.id;
                    warn!(%entry, suppressed, "a dead letter was stored as well, and is removed again");
                }
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
        self.shared.traces.give_up("dead_lettered", batch.permit.ids().iter().copied());
        if let Some(DeadLetter { id, reason, .. }) = batch.letters.first() {
            static THROTTLE: LogThrottle = LogThrottle::new();
            let count = batch.letters.len();
            if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                warn!(count, entry = %id, reason, suppressed, "entries became dead letters; the first of them");
            }
        }
        batch.permit.settle();
    }

    async fn bury_one(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let Shared { stream, config, .. } = self.shared.as_ref();
        match stream.bury(letter, &config.consumer).await {
            Err(error) if error.wants_group() => {
                self.ensure_group().await?;
                stream.bury(letter, &config.consumer).await
            }
            buried => buried,
        }
    }
}
