//! `ReadingsRetention`: removes stored readings that are older than they may get.
//!
//! Owns nothing. When it dies old readings stay until it is started again. A late write of an old
//! reading is no race: whatever is too old goes with the next round, also what came after the last.

use std::sync::Arc;
use std::time::Duration;

use backon::ConstantBackoff;
use chrono::Utc;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::StoreError;
use readings::{Instant, SiteId};
use tracing::info;

use crate::config::Shared;
use crate::housekeeping::{every, note_failure};
use crate::metrics::METRICS;

/// How often a round begins. Too low and Redis is asked for nothing; too high and readings stay that
/// much longer.
const ROUND_EVERY: Duration = Duration::from_mins(1);

/// Sites that are listed at a time.
const SITES: usize = 1_000;

pub(crate) struct ReadingsRetentionState {
    shared: Arc<Shared>,
    pauses: ConstantBackoff,
}

#[derive(Debug)]
pub(crate) enum ReadingsRetentionMessage {
    /// Go through all sites once, and go on.
    Round,
}

pub(crate) struct ReadingsRetention;

impl Actor for ReadingsRetention {
    type Msg = ReadingsRetentionMessage;
    type State = ReadingsRetentionState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        shared: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let age = shared.config.readings_retention.unwrap_or(ROUND_EVERY);
        let mut state = ReadingsRetentionState { shared, pauses: every(ROUND_EVERY.min(age / 2)) };
        if state.shared.config.readings_retention.is_some() {
            state.schedule(&myself);
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ReadingsRetentionMessage::Round => {
                if let Err(error) = state.round().await {
                    note_failure("removing old readings", &error);
                }
            }
        }
        state.schedule(&myself);
        Ok(())
    }
}

impl ReadingsRetentionState {
    async fn round(&self) -> Result<(), StoreError> {
        let Some(before) = self.oldest_kept() else { return Ok(()) };
        let Shared { sites, series, draining, .. } = self.shared.as_ref();
        let (mut after, mut removed) = (None, 0);
        loop {
            let page: Vec<_> = sites.list(after.as_ref(), SITES).await?;
            let page: Vec<SiteId> = page.into_iter().filter_map(SiteId::new).collect();
            for site in &page {
                if draining.is_cancelled() {
                    return Ok(());
                }
                removed += series.remove_before(site, before).await?;
            }
            after = page.into_iter().next_back();
            if after.is_none() {
                break;
            }
        }
        METRICS.expired(removed);
        if removed > 0 {
            info!(removed, "removed readings for their age");
        }
        Ok(())
    }

    fn oldest_kept(&self) -> Option<Instant> {
        let age = i64::try_from(self.shared.config.readings_retention?.as_micros()).ok()?;
        Some(Instant::from_epoch_micros(Utc::now().timestamp_micros().saturating_sub(age)))
    }

    fn schedule(&mut self, myself: &ActorRef<ReadingsRetentionMessage>) {
        let pause = self.pauses.next().unwrap_or(ROUND_EVERY);
        myself.send_after(pause, || ReadingsRetentionMessage::Round);
    }
}
