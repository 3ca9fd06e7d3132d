//! `Trimmer`: removes from the stream what every group has acknowledged.
//!
//! Owns nothing. When it dies the stream grows until it is started again. Any number of replicas may
//! trim: each asks for the bound anew, and the bound only rises.

use std::sync::Arc;
use std::time::Duration;

use backon::ConstantBackoff;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tracing::debug;

use crate::config::Shared;
use crate::housekeeping::{every, note_failure};
use crate::metrics::METRICS;

/// How often the stream is trimmed. Too low and Redis is asked for nothing; too high and it holds that
/// much more (94 bytes a reading).
const TRIM_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct TrimmerState {
    shared: Arc<Shared>,
    pauses: ConstantBackoff,
}

#[derive(Debug)]
pub(crate) enum TrimmerMessage {
    /// Trim once, and go on.
    Trim,
}

pub(crate) struct Trimmer;

impl Actor for Trimmer {
    type Msg = TrimmerMessage;
    type State = TrimmerState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        shared: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        // Half the retention at most: a short one is meant to be seen.
        let pause = TRIM_EVERY.min(shared.config.stream_retention / 2).max(TRIM_EVERY / 5);
        let mut state = TrimmerState { shared, pauses: every(pause) };
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
            TrimmerMessage::Trim => state.trim().await,
        }
        state.schedule(&myself);
        Ok(())
    }
}

impl TrimmerState {
    async fn trim(&self) {
        match self.shared.stream.trim(self.shared.config.stream_retention).await {
            Ok(entries) => {
                METRICS.trimmed(entries);
                debug!(entries, "trimmed the stream");
            }
            Err(error) => note_failure("trimming the stream", &error),
        }
    }

    fn schedule(&mut self, myself: &ActorRef<TrimmerMessage>) {
        let pause = self.pauses.next().unwrap_or(TRIM_EVERY);
        myself.send_after(pause, || TrimmerMessage::Trim);
    }
}
