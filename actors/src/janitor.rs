//! `ConsumerJanitor`: shows that this consumer is alive, and removes those that are gone.
//!
//! Owns nothing. When it dies this consumer looks idle for a while, and is not removed as long as it
//! has entries pending; a consumer that was removed is made again by its next read.

use std::sync::Arc;
use std::time::Duration;

use backon::ConstantBackoff;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::StoreError;
use tracing::info;

use crate::config::Shared;
use crate::housekeeping::{every, note_failure};

/// How often a sign of life is given.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);

/// A consumer without a sign of life for so long, and without pending entries, is removed. Too low
/// and a consumer that was cut off for a while is removed for nothing; too high and the list of
/// consumers holds names of the dead.
const GONE_AFTER: Duration = Duration::from_mins(5);

pub(crate) struct ConsumerJanitorState {
    shared: Arc<Shared>,
    pauses: ConstantBackoff,
}

#[derive(Debug)]
pub(crate) enum ConsumerJanitorMessage {
    /// Give a sign of life, remove the dead, and go on.
    Tidy,
}

pub(crate) struct ConsumerJanitor;

impl Actor for ConsumerJanitor {
    type Msg = ConsumerJanitorMessage;
    type State = ConsumerJanitorState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        shared: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut state = ConsumerJanitorState { shared, pauses: every(HEARTBEAT_EVERY) };
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
            ConsumerJanitorMessage::Tidy => {
                if let Err(error) = state.tidy().await {
                    note_failure("removing consumers that are gone", &error);
                }
            }
        }
        state.schedule(&myself);
        Ok(())
    }
}

impl ConsumerJanitorState {
    async fn tidy(&self) -> Result<(), StoreError> {
        let Shared { stream, config, .. } = self.shared.as_ref();
        stream.heartbeat(&config.consumer).await?;
        let gone = stream.forget_idle_consumers(GONE_AFTER).await?;
        if !gone.is_empty() {
            info!(?gone, "removed consumers without a sign of life");
        }
        Ok(())
    }

    fn schedule(&mut self, myself: &ActorRef<ConsumerJanitorMessage>) {
        let pause = self.pauses.next().unwrap_or(HEARTBEAT_EVERY);
        myself.send_after(pause, || ConsumerJanitorMessage::Tidy);
    }
}
