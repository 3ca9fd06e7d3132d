//! The last runs of packing and archiving in the response of `GET /pipeline`.

use chrono::{DateTime, SecondsFormat, Utc};
use poem_openapi::{Enum, Object};
use readings::store::tier_runs::{
    ArchivingProgress, PackingProgress, RunError, RunPhase, TierRun, TierRunStates,
};

/// The last run of packing in one processing service.
#[derive(Debug, Object)]
#[oai(rename = "PipelinePacking")]
pub struct PackingState {
    /// The name of its consumer.
    pub(super) consumer: String,
    /// Whether the run is in progress, or how it ended.
    pub(super) state: RunState,
    /// When it began: UTC, ISO 8601, as all times here.
    pub(super) started_at: String,
    /// When it ended; null before.
    #[oai(nullable)]
    pub(super) ended_at: Option<String>,
    /// Sites that it has visited so far, of those of `tiers`.
    pub(super) sites: u64,
    /// Days of sites that it has packed.
    pub(super) days: u64,
    /// Readings that it has moved into them.
    pub(super) readings: u64,
    /// Days that it could not pack: their readings stay in sorted sets.
    pub(super) not_packed: u64,
    /// The oldest day that waits to be packed. While the run is in progress the oldest that it has found, packed since or
    /// not; after it the oldest that it had to leave. Null without any.
    #[oai(nullable)]
    pub(super) oldest_waiting_day: Option<String>,
    /// When a run last visited all sites without an error; null before the first time.
    #[oai(nullable)]
    pub(super) last_success_at: Option<String>,
    /// The last error, of this run or one before it; null without any.
    #[oai(nullable)]
    pub(super) last_error: Option<RunErrorState>,
}

/// The last run of archiving, by whichever process.
#[derive(Debug, Object)]
#[oai(rename = "PipelineArchiving")]
pub struct ArchivingState {
    /// Whether the run is in progress, or how it ended.
    pub(super) state: RunState,
    /// When it began: UTC, ISO 8601, as all times here.
    pub(super) started_at: String,
    /// When it ended; null before.
    #[oai(nullable)]
    pub(super) ended_at: Option<String>,
    /// Days of sites that it has found due.
    pub(super) days_due: u64,
    /// Days of sites that it has archived.
    pub(super) days: u64,
    /// Days of sites that were changed meanwhile: the next run archives them.
    pub(super) changed: u64,
    /// The day before which all packed days of all sites are archived; null before the first run that was complete.
    #[oai(nullable)]
    pub(super) watermark: Option<String>,
    /// When a run last ended without an error; null before the first time.
    #[oai(nullable)]
    pub(super) last_success_at: Option<String>,
    /// The last error, of this run or one before it; null without any.
    #[oai(nullable)]
    pub(super) last_error: Option<RunErrorState>,
}

/// Whether a run is in progress, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "PipelineRunState", rename_all = "snake_case")]
pub enum RunState {
    /// It is in progress.
    Running,
    /// It came to its end.
    Done,
    /// An error has ended it; the next run does the rest.
    Failed,
    /// Its process has ended, or does not reach Redis; the next run does the rest.
    Interrupted,
}

/// An error of a run.
#[derive(Debug, Object)]
#[oai(rename = "PipelineRunError")]
pub struct RunErrorState {
    /// When it came up.
    pub(super) at: String,
    /// What it was.
    pub(super) message: String,
}

/// The runs of packing of consumers that exist; `None` without any.
pub(super) fn packing_states(
    runs: &TierRunStates,
    exists: impl Fn(&str) -> bool,
) -> Option<Vec<PackingState>> {
    let runs = runs.packing.iter().filter(|(consumer, _)| exists(consumer));
    let states: Vec<_> = runs.map(|(consumer, run)| packing_state(consumer, run)).collect();
    (!states.is_empty()).then_some(states)
}

fn packing_state(consumer: &str, run: &TierRun<PackingProgress>) -> PackingState {
    let progress = &run.progress;
    PackingState {
        consumer: consumer.to_owned(),
        state: run.into(),
        started_at: time(run.started_ms),
        ended_at: run.ended_ms.map(time),
        sites: progress.sites,
        days: progress.days,
        readings: progress.readings,
        not_packed: progress.not_packed,
        oldest_waiting_day: progress.oldest_waiting_day().map(|day| day.to_string()),
        last_success_at: run.succeeded_ms.map(time),
        last_error: run.last_error.as_ref().map(Into::into),
    }
}

impl From<&TierRun<ArchivingProgress>> for ArchivingState {
    fn from(run: &TierRun<ArchivingProgress>) -> Self {
        Self {
            state: run.into(),
            started_at: time(run.started_ms),
            ended_at: run.ended_ms.map(time),
            days_due: run.progress.days_due,
            days: run.progress.days,
            changed: run.progress.changed,
            watermark: run.progress.watermark_day().map(|day| day.to_string()),
            last_success_at: run.succeeded_ms.map(time),
            last_error: run.last_error.as_ref().map(Into::into),
        }
    }
}

impl<P> From<&TierRun<P>> for RunState {
    fn from(run: &TierRun<P>) -> Self {
        match run.phase() {
            RunPhase::Running => Self::Running,
            RunPhase::Done => Self::Done,
            RunPhase::Failed => Self::Failed,
            RunPhase::Interrupted => Self::Interrupted,
        }
    }
}

impl From<&RunError> for RunErrorState {
    fn from(RunError { at_ms, message }: &RunError) -> Self {
        Self { at: time(*at_ms), message: message.clone() }
    }
}

fn time(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()
}
