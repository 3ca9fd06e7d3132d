//! `SourceActor`: the loop of both sources: reserve permits, fetch entries, dispatch them.
//!
//! Owns its source, which is created again when the actor is restarted. No other actor sends to it.

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::StoreError;
use readings::store::delivery::Delivery;

use super::delivery_origin::DeliveryOrigin;
use super::dispatcher::Dispatcher;
use crate::error::DownstreamClosed;
use crate::flow::in_flight::Reservation;
use crate::flow::progress::Source;

/// Where entries are delivered from.
pub(crate) trait EntrySource: Send + Sync + 'static {
    /// The source's name in [`Progress`](crate::flow::progress::Progress).
    const SOURCE: Source;

    /// Called before permits are reserved.
    fn prepare(&mut self) {}

    /// Waits for permits.
    fn reserve(&self) -> impl Future<Output = Reservation> + Send;

    /// Has up to `limit` entries delivered. It is not cancelled: a reply that is dropped loses entries to
    /// the pending entries list.
    fn fetch(&mut self, limit: usize) -> impl Future<Output = Result<Fetched, StoreError>> + Send;

    /// Prepares the next fetch after a failed one. Returns the pause before it.
    fn on_failure(&mut self, error: &StoreError) -> Duration;
}

/// The result of a fetch.
pub(crate) struct Fetched {
    pub origin: DeliveryOrigin,
    pub delivery: Delivery,
    /// The pause before the next fetch; `None`: at once.
    pub pause: Option<Duration>,
}

pub(crate) struct SourceActor<S>(PhantomData<fn() -> S>);

impl<S> SourceActor<S> {
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

pub(crate) struct SourceArguments<S> {
    pub source: S,
    pub dispatcher: Dispatcher,
}

pub(crate) struct SourceState<S> {
    source: S,
    dispatcher: Dispatcher,
}

#[derive(Debug)]
pub(crate) enum SourceMessage {
    /// Fetch once, and schedule the next fetch.
    Fetch,
}

impl<S: EntrySource> Actor for SourceActor<S> {
    type Msg = SourceMessage;
    type State = SourceState<S>;
    type Arguments = SourceArguments<S>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        SourceArguments { source, dispatcher }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        myself.cast(SourceMessage::Fetch)?;
        Ok(SourceState { source, dispatcher })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SourceMessage::Fetch => state.fetch(&myself).await?,
        }
        Ok(())
    }
}

impl<S: EntrySource> SourceState<S> {
    async fn fetch(&mut self, myself: &ActorRef<SourceMessage>) -> Result<(), DownstreamClosed> {
        self.dispatcher.context.progress.turns(S::SOURCE).begin(Instant::now());
        self.source.prepare();
        let Some(reservation) = self.reserve().await else { return Ok(()) };
        // Before the request, and so before the entries become pending: the fence errs on the safe side.
        let requested_at = Instant::now();
        let pause = match self.source.fetch(reservation.capacity()).await {
            Ok(Fetched { origin, delivery, pause }) => {
                self.dispatcher.dispatch(origin, reservation, delivery, requested_at)?;
                pause
            }
            Err(error) => Some(self.source.on_failure(&error)),
        };
        schedule(pause, myself);
        Ok(())
    }

    /// Waits until Redis is available and permits are free; `None` when the pipeline drains.
    async fn reserve(&self) -> Option<Reservation> {
        let context = self.dispatcher.context.as_ref();
        // Redis may be unavailable, and all permits in use, for any time.
        let _waiting = context.progress.turns(S::SOURCE).wait();
        let reserve = async {
            context.outage.wait_until_clear().await;
            self.source.reserve().await
        };
        tokio::select! {
            // Draining wins when both are ready: permits are often free, and nothing more is to be read.
            biased;
            () = context.draining.cancelled() => None,
            reservation = reserve => Some(reservation),
        }
    }
}

fn schedule(pause: Option<Duration>, myself: &ActorRef<SourceMessage>) {
    if let Some(pause) = pause {
        myself.send_after(pause, || SourceMessage::Fetch);
    } else {
        // Err: the pipeline drains, and this was the last fetch.
        let _ = myself.cast(SourceMessage::Fetch);
    }
}

#[cfg(test)]
mod tests;
