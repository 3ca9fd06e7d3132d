//! `PendingReclaimer`: takes over entries that other consumers left pending.
//!
//! Owns the cursor of its scan, which it starts anew after a restart: an entry that was claimed and
//! lost is pending for this consumer, and the `StreamReader` reads it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::stream::Claimed;
use readings::store::{StoreError, StreamId};
use tracing::{info, warn};

use crate::config::Shared;
use crate::error::NobodyThere;
use crate::flow::in_flight::Reservation;
use crate::flow::retry::every;
use crate::stages::delivery_source::Source;
use crate::stages::dispatcher::Dispatcher;

/// The pause between two looks, if `CLAIM_MIN_IDLE_MS` is not shorter; jitter makes it up to twice as
/// long. Too low and every replica walks through all that is pending for nothing; too high and what an
/// ending process has handed over waits that long.
const LOOK_EVERY: Duration = Duration::from_millis(2_500);

pub(crate) struct PendingReclaimerArguments {
    pub shared: Arc<Shared>,
    pub dispatcher: Dispatcher,
}

pub(crate) struct PendingReclaimerState {
    shared: Arc<Shared>,
    dispatcher: Dispatcher,
    cursor: StreamId,
    /// Scans in a row that failed.
    failures: u32,
    pauses: backon::ConstantBackoff,
}

#[derive(Debug)]
pub(crate) enum PendingReclaimerMessage {
    /// Claim once, and go on.
    Claim,
}

pub(crate) struct PendingReclaimer;

impl Actor for PendingReclaimer {
    type Msg = PendingReclaimerMessage;
    type State = PendingReclaimerState;
    type Arguments = PendingReclaimerArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        PendingReclaimerArguments { shared, dispatcher }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        myself.cast(PendingReclaimerMessage::Claim)?;
        let pauses = every(LOOK_EVERY.min(shared.config.claim_min_idle / 2));
        Ok(PendingReclaimerState {
            shared,
            dispatcher,
            cursor: StreamId::ZERO,
            failures: 0,
            pauses,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PendingReclaimerMessage::Claim => state.claim(&myself).await?,
        }
        Ok(())
    }
}

fn note_taken_over(entries: usize) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if entries > 0
        && let Some(suppressed) = THROTTLE.should_log(Instant::now())
    {
        info!(entries, suppressed, "took over entries that were left pending");
    }
}

impl PendingReclaimerState {
    async fn claim(
        &mut self,
        myself: &ActorRef<PendingReclaimerMessage>,
    ) -> Result<(), NobodyThere> {
        let draining = self.shared.draining.clone();
        let room = tokio::select! {
            room = self.room() => room,
            () = draining.cancelled() => return Ok(()),
        };
        let asked = Instant::now();
        match self.take_over(room.room()).await {
            Ok(Claimed { cursor, delivery }) => {
                (self.cursor, self.failures) = (cursor, 0);
                note_taken_over(delivery.len());
                self.dispatcher.dispatch(Source::Others, room, delivery, asked)?;
                self.go_on(cursor != StreamId::ZERO, myself);
            }
            Err(error) => {
                self.note_failure(&error);
                self.go_on(false, myself);
            }
        }
        Ok(())
    }

    /// Waits until Redis takes work, and for room to put it in.
    async fn room(&self) -> Reservation {
        self.shared.outage.over().await;
        self.shared.window.reserve(self.shared.config.batch_size).await
    }

    async fn take_over(&self, room: usize) -> Result<Claimed, StoreError> {
        let Shared { stream, config, .. } = self.shared.as_ref();
        let claiming = stream.claim(&config.consumer, config.claim_min_idle, self.cursor, room);
        let mut claimed = claiming.await?;
        self.shared.sift(&mut claimed.delivery).await;
        Ok(claimed)
    }

    /// The reader says that Redis is away, and makes the group again.
    fn note_failure(&mut self, error: &StoreError) {
        if error.wants_group() {
            self.cursor = StreamId::ZERO;
            return;
        }
        self.failures += 1;
        if self.failures.is_power_of_two() {
            let failures = self.failures;
            warn!(%error, failures, "cannot look for entries that were left pending");
        }
    }

    /// A scan that has not come to its end goes on at once, unless it failed; a new one begins after
    /// a pause.
    fn go_on(&mut self, at_once: bool, myself: &ActorRef<PendingReclaimerMessage>) {
        let pause = if at_once { None } else { self.pauses.next() }.unwrap_or_default();
        myself.send_after(pause, || PendingReclaimerMessage::Claim);
    }
}
