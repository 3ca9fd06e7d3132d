//! What is known of a run.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::energy::rollup::Day;

/// A run without a report for this time has ended with its process. Too low: one that writes a large file seems
/// interrupted. Too high: one of a killed process seems to be running.
const REPORT_TTL: Duration = Duration::from_mins(5);

/// The most characters of an error that are kept. Too low: the cause, at its end, is cut off. Too high: the hash is large.
const MAX_ERROR: usize = 500;

/// A run of packing or archiving. Times are those of the clock of its process, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TierRun<P> {
    /// When it began.
    pub started_ms: u64,
    /// When it was last reported.
    pub reported_ms: u64,
    /// When it ended; `None` before.
    pub ended_ms: Option<u64>,
    /// Whether an error has ended it.
    pub has_failed: bool,
    /// When a run last ended without one: this or one before it.
    pub succeeded_ms: Option<u64>,
    /// The last error, in this run or one before it.
    pub last_error: Option<RunError>,
    /// What it has done so far.
    pub progress: P,
}

/// An error, of a whole run or of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What.
    pub message: String,
}

/// What a run of packing has done so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PackingProgress {
    /// Sites that it has visited.
    pub sites: u64,
    /// Days of sites that it has packed.
    pub days: u64,
    /// Readings that it has moved.
    pub readings: u64,
    /// Days that it could not pack.
    pub not_packed: u64,
    /// The number of the oldest day that it has found waiting; at its end of the oldest that it could not pack.
    pub oldest_waiting: Option<i32>,
}

/// What a run of archiving has done so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ArchivingProgress {
    /// Days of sites that it has found due.
    pub days_due: u64,
    /// Days of sites that it has archived.
    pub days: u64,
    /// Days of sites that were changed meanwhile: the next run archives them.
    pub changed: u64,
    /// The number of the day before which all packed days are archived, by the last manifest that was read.
    pub watermark: Option<i32>,
}

/// Whether a run is in progress, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPhase {
    /// It is in progress.
    Running,
    /// It came to its end.
    Done,
    /// An error has ended it.
    Failed,
    /// Its process has ended, or does not reach Redis.
    Interrupted,
}

impl<P> TierRun<P> {
    /// Its phase now.
    #[must_use]
    pub fn phase(&self) -> RunPhase {
        self.phase_at(now_ms())
    }

    fn phase_at(&self, now_ms: u64) -> RunPhase {
        match self.ended_ms {
            Some(_) if self.has_failed => RunPhase::Failed,
            Some(_) => RunPhase::Done,
            None if is_older(self.reported_ms, REPORT_TTL, now_ms) => RunPhase::Interrupted,
            None => RunPhase::Running,
        }
    }

    /// The run that begins after it.
    pub(super) fn following(self, progress: P) -> Self {
        let started_ms = now_ms();
        let Self { succeeded_ms, last_error, .. } = self;
        let (ended_ms, has_failed) = (None, false);
        Self {
            started_ms,
            reported_ms: started_ms,
            ended_ms,
            has_failed,
            succeeded_ms,
            last_error,
            progress,
        }
    }

    /// Notes an error of it, or of a day.
    pub(super) fn note(&mut self, error: &str) {
        let message = error.chars().take(MAX_ERROR).collect();
        self.last_error = Some(RunError { at_ms: now_ms(), message });
    }

    /// Ends it.
    pub(super) fn end(&mut self, error: Option<&str>) {
        let now = now_ms();
        self.ended_ms = Some(now);
        self.has_failed = error.is_some();
        match error {
            Some(error) => self.note(error),
            None => self.succeeded_ms = Some(now),
        }
    }
}

impl PackingProgress {
    /// The oldest day that waits.
    #[must_use]
    pub fn oldest_waiting_day(&self) -> Option<Day> {
        self.oldest_waiting.map(Day::from_number)
    }
}

impl ArchivingProgress {
    /// That of the next run: what is archived is, also while the archive is away.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { watermark: self.watermark, ..Self::default() }
    }

    /// The day before which all packed days are archived.
    #[must_use]
    pub fn watermark_day(&self) -> Option<Day> {
        self.watermark.map(Day::from_number)
    }
}

/// Whether a time was longer ago than this.
pub(super) fn is_older(at_ms: u64, age: Duration, now_ms: u64) -> bool {
    Duration::from_millis(at_ms) + age < Duration::from_millis(now_ms)
}

/// Now, in milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn run() -> TierRun<PackingProgress> {
        TierRun { started_ms: NOW, reported_ms: NOW, ..TierRun::default() }
    }

    #[test]
    fn a_run_is_interrupted_when_its_last_report_is_older_than_five_minutes() {
        assert_eq!(run().phase_at(NOW), RunPhase::Running);
        assert_eq!(run().phase_at(NOW + 300_000), RunPhase::Running);
        assert_eq!(run().phase_at(NOW + 300_001), RunPhase::Interrupted);
        let ended = TierRun { ended_ms: Some(NOW), ..run() };
        assert_eq!(ended.phase_at(NOW + 999_999), RunPhase::Done);
        // A clock that is behind that of the process.
        assert_eq!(run().phase_at(NOW - 5), RunPhase::Running);
    }

    #[test]
    fn the_last_success_and_the_last_error_outlast_the_run_that_had_them() {
        let mut first = run();
        first.end(None);
        assert_eq!(first.phase_at(NOW), RunPhase::Done);
        let mut second = first.clone().following(PackingProgress::default());
        second.end(Some("the archive is away"));
        assert_eq!(second.phase_at(NOW), RunPhase::Failed);
        assert_eq!(second.succeeded_ms, first.ended_ms);
        let third = second.following(PackingProgress::default());
        assert_eq!((third.succeeded_ms, third.ended_ms), (first.ended_ms, None));
        assert_eq!(third.last_error.unwrap().message, "the archive is away");
    }

    #[test]
    fn a_long_error_is_cut() {
        let mut run = run();
        run.note(&"é".repeat(600));
        assert_eq!(run.last_error.unwrap().message.chars().count(), MAX_ERROR);
    }

    #[test]
    fn a_report_of_another_release_is_read_as_far_as_it_is_known() {
        let json = r#"{"started_ms":7,"later":1,"progress":{"days":3,"later":2}}"#;
        let read: TierRun<PackingProgress> = serde_json::from_str(json).unwrap();
        assert_eq!((read.started_ms, read.progress.days, read.progress.sites), (7, 3, 0));
    }
}
