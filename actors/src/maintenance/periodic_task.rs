//! What the actors have in common that do a chore now and then, and whose failure harms nobody.

use std::marker::PhantomData;
use std::time::Duration;

use backon::ConstantBackoff;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::{ErrorClass, StoreError};
use tracing::warn;

use crate::flow::retry::every;

/// Something to be done again and again.
pub(crate) trait Chore: Send + Sync + 'static {
    /// What it is, for the log.
    const NAME: &'static str;

    /// The pause between two times; jitter makes it up to twice as long, so that replicas do not all do
    /// it at once. `None` if it is not to be done at all.
    fn pause(&self) -> Option<Duration>;

    /// Does it once.
    fn work(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Does one chore. Owns nothing but that: when it dies the chore waits until it is started again.
pub(crate) struct Housekeeper<C>(PhantomData<fn() -> C>);

impl<C> Housekeeper<C> {
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

pub(crate) struct HousekeeperState<C> {
    chore: C,
    pauses: Option<ConstantBackoff>,
}

#[derive(Debug)]
pub(crate) enum HousekeeperMessage {
    /// Do the chore, and go on.
    Work,
}

impl<C: Chore> Actor for Housekeeper<C> {
    type Msg = HousekeeperMessage;
    type State = HousekeeperState<C>;
    type Arguments = C;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        chore: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut state = HousekeeperState { pauses: chore.pause().map(every), chore };
        state.schedule(&myself);
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            HousekeeperMessage::Work => {
                if let Err(error) = state.chore.work().await {
                    note_failure(C::NAME, &error);
                }
            }
        }
        state.schedule(&myself);
        Ok(())
    }
}

impl<C> HousekeeperState<C> {
    fn schedule(&mut self, myself: &ActorRef<HousekeeperMessage>) {
        if let Some(pause) = self.pauses.as_mut().and_then(Iterator::next) {
            myself.send_after(pause, || HousekeeperMessage::Work);
        }
    }
}

/// Says that a chore was not done this time. The reader says that Redis is away or that the group is
/// gone, so neither is worth a line here.
fn note_failure(chore: &'static str, error: &StoreError) {
    let known = matches!(error.class, ErrorClass::Timeout | ErrorClass::Disconnected);
    if !known && !error.wants_group() && !error.is_missing_key() {
        warn!(%error, chore, "not done this time");
    }
}
