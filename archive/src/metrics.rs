//! The metrics of the archive.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use instrumentation::metrics::{Label, Metric, as_f64};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use readings::energy::rollup::Day;

use crate::manifest::Manifest;

/// All metrics of this crate.
pub const CATALOGUE: &[Metric] = &[RUNS, DAYS, FILES, BYTES, READINGS, WATERMARK, LAST_SUCCESS];

const RUNS: Metric = Metric::counter(
    "archive_runs",
    "Runs that move packed days into the archive. After a failed one the log says why, and the next one does the rest",
)
.with_labels(&[Label::enumerated(OUTCOME, &[DONE, FAILED])]);

const OUTCOME: &str = "outcome";
const DONE: &str = "done";
const FAILED: &str = "failed";

const DAYS: Metric =
    Metric::counter("archive_moves", "Days of sites that were moved into the archive");

const FILES: Metric = Metric::gauge(
    "archive_files",
    "Files of the archive, as of the last run of this process; 0 before",
);

const BYTES: Metric = Metric::gauge(
    "archive_bytes",
    "Bytes of these files, as of the last run of this process; 0 before",
);

const READINGS: Metric = Metric::gauge(
    "archive_readings",
    "Readings in these files, as of the last run of this process; 0 before",
);

const WATERMARK: Metric = Metric::gauge_seconds(
    "archive_watermark",
    "Unix time before which all packed days of all sites were archived, as of the last run of this process; 0 before",
);

const LAST_SUCCESS: Metric = Metric::gauge_seconds(
    "archive_last_success",
    "Unix time at which a run of this process last ended without an error; before the first time that of its start, and 0 \
     where it archives nothing",
);

/// The instruments of this process.
pub(crate) struct Metrics {
    runs: Counter<u64>,
    days: Counter<u64>,
    state: &'static State,
}

#[derive(Debug, Default)]
struct State {
    files: AtomicU64,
    bytes: AtomicU64,
    readings: AtomicU64,
    watermark: AtomicU64,
    last_success: AtomicU64,
}

pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    static STATE: LazyLock<State> = LazyLock::new(State::default);
    let gauge =
        |of: fn(&State) -> &AtomicU64| move || Some(as_f64(of(&STATE).load(Ordering::Relaxed)));
    FILES.register_gauge(gauge(|state| &state.files));
    BYTES.register_gauge(gauge(|state| &state.bytes));
    READINGS.register_gauge(gauge(|state| &state.readings));
    WATERMARK.register_gauge(gauge(|state| &state.watermark));
    LAST_SUCCESS.register_gauge(gauge(|state| &state.last_success));
    Metrics { runs: RUNS.build_counter(), days: DAYS.build_counter(), state: &STATE }
});

/// Exposes the metrics of the archive from now on.
pub fn register() {
    LazyLock::force(&METRICS);
}

impl Metrics {
    pub fn run(&self, is_done: bool) {
        let outcome = if is_done { DONE } else { FAILED };
        if is_done {
            self.succeeded();
        }
        self.runs.add(1, &[KeyValue::new(OUTCOME, outcome)]);
    }

    /// Records that a run has ended without an error, or that the first one is to begin.
    pub fn succeeded(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.state.last_success.store(now.as_secs(), Ordering::Relaxed);
    }

    pub fn archived(&self, days: u64) {
        self.days.add(days, &[]);
    }

    pub fn manifest(&self, manifest: &Manifest) {
        let start = |day| Day::from_number(day).start().epoch_micros() / 1_000_000;
        let watermark = manifest.watermark.map(start).unwrap_or_default();
        let values = [
            (&self.state.files, manifest.files.len() as u64),
            (&self.state.bytes, manifest.bytes()),
            (&self.state.readings, manifest.rows()),
            (&self.state.watermark, u64::try_from(watermark).unwrap_or_default()),
        ];
        for (gauge, value) in values {
            gauge.store(value, Ordering::Relaxed);
        }
    }
}
