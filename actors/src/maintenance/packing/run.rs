//! What one run of packing has done.

use std::time::Duration;

use readings::energy::rollup::Day;
use readings::store::packing::DayOutcome;
use readings::store::tier_runs::PackingProgress;
use readings::store::{ErrorClass, StoreError};
use readings::{Instant, SiteId};
use tracing::{info, warn};

use crate::metrics::METRICS;

/// What it has done so far, for the log, the metrics and the report.
#[derive(Debug)]
pub(super) struct Run {
    /// The time after the end of a day at which it is due.
    pub age: Duration,
    pub progress: PackingProgress,
    /// How long looking at sites has taken.
    pub looked: Duration,
    /// The last error of a day, until it is reported.
    pub error: Option<String>,
    /// The oldest day that could be packed and was not.
    oldest_left: Option<Day>,
}

impl Run {
    pub fn new(age: Duration) -> Self {
        let progress = PackingProgress::default();
        Self { age, progress, looked: Duration::ZERO, error: None, oldest_left: None }
    }

    pub fn record(&mut self, site: &SiteId, day: Day, outcome: DayOutcome) {
        let reason = match outcome {
            DayOutcome::Packed { moved, .. } => {
                self.progress.days += 1;
                self.progress.readings += moved;
                METRICS.packed(moved);
                return self.found(day);
            }
            DayOutcome::Left(_) => return,
            DayOutcome::Leased => return METRICS.not_packed("leased"),
            DayOutcome::TooLarge => "too_large",
            DayOutcome::Contended => {
                self.left(Some(day));
                "contended"
            }
        };
        self.not_packed(site, day, reason, "");
    }

    /// An error of one day does not keep others from being packed; one of the server does.
    pub fn record_error(
        &mut self,
        site: &SiteId,
        day: Option<Day>,
        error: StoreError,
    ) -> Result<(), StoreError> {
        let Some(day) = day.filter(|_| error.class == ErrorClass::Other) else {
            METRICS.not_packed("error");
            return Err(error);
        };
        self.left(Some(day));
        self.not_packed(site, day, "error", &error.to_string());
        Ok(())
    }

    /// Takes note of a day that waits, after this run as well.
    pub fn left(&mut self, day: Option<Day>) {
        let Some(day) = day else { return };
        self.oldest_left = Some(self.oldest_left.map_or(day, |oldest| oldest.min(day)));
        self.found(day);
    }

    /// Ends a run that has visited all sites: what waits is what it has left.
    pub fn complete(&mut self) {
        self.progress.oldest_waiting = self.oldest_left.map(Day::number);
        METRICS.packing_lag(self.oldest_left.map_or(Duration::ZERO, |day| waited(day, self.age)));
        METRICS.packing_succeeded();
    }

    pub fn log(&self) {
        let PackingProgress { days, readings, not_packed, .. } = self.progress;
        if days + not_packed > 0 {
            info!(days, readings, not_packed, "packed closed days");
        }
    }

    fn found(&mut self, day: Day) {
        let oldest = self.progress.oldest_waiting.map_or(day.number(), |it| it.min(day.number()));
        self.progress.oldest_waiting = Some(oldest);
        METRICS.packing_lag(waited(Day::from_number(oldest), self.age));
    }

    fn not_packed(&mut self, site: &SiteId, day: Day, reason: &'static str, error: &str) {
        self.progress.not_packed += 1;
        METRICS.not_packed(reason);
        self.error = Some(format!("{day} of site {site}: {reason} {error}").trim_end().to_owned());
        warn!(%site, %day, reason, error, "a day was not packed, its readings stay in the sorted set");
    }
}

/// How long a day has waited since it was due.
fn waited(day: Day, age: Duration) -> Duration {
    let due = Instant::before_now(age).unwrap_or(day.next().start());
    let micros = due.epoch_micros().saturating_sub(day.next().start().epoch_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
