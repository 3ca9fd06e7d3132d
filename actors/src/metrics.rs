//! What the pipeline counts.

use std::sync::LazyLock;
use std::time::Duration;

use instrumentation::metrics::{Label, Metric, as_f64};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};

use crate::actor_names;

/// All metrics of this crate.
pub const CATALOGUE: &[Metric] = &[
    STORED,
    VISIBLE_AFTER,
    BATCH_SIZE,
    IN_FLIGHT,
    WINDOW,
    REDELIVERED,
    RECLAIMED,
    LOST_OWNERSHIP,
    DEAD_LETTERED,
    LOST_BODIES,
    ROLLED_BACK,
    TRIMMED,
    LAG_CORRECTED,
    EXPIRED,
    NAMESAKES,
    RESTARTS,
];

const STORED: Metric = Metric::counter("readings_stored", "Readings stored, repeats included");

const VISIBLE_AFTER: Metric = Metric::histogram_seconds(
    "reading_visible_after",
    &[
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
        300.0,
    ],
    "From the acceptance of a reading until it can be read back, both by the clock of Redis: the oldest \
     reading of each write, so it errs on the slow side. Writes whose ids are ahead of that clock, as \
     after it was put back, are left out",
);

const BATCH_SIZE: Metric = Metric::histogram(
    "batch_entries",
    &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0],
    "Entries that one read or claim brought; those that brought none are left out",
);

const IN_FLIGHT: Metric = Metric::gauge(
    "entries_in_flight",
    "Entries delivered to this process and not yet acknowledged",
);

const WINDOW: Metric = Metric::gauge(
    "in_flight_window_entries",
    "Entries that may be in flight at present: about a quarter of a second's work, at most \
     `MAX_IN_FLIGHT`",
);

const REDELIVERED: Metric = Metric::counter(
    "entries_redelivered",
    "Entries that were delivered to this process before, and are worked on once more: after an error \
     of a connection, the end of an actor, or an earlier life of the process",
);

const RECLAIMED: Metric =
    Metric::counter("entries_reclaimed", "Entries taken over from idle consumers");

const LOST_OWNERSHIP: Metric = Metric::counter(
    "entries_lost_ownership",
    "Entries that another consumer took over while this process was too slow",
);

const DEAD_LETTERED: Metric =
    Metric::counter("entries_dead_lettered", "Entries that cannot become readings");

const LOST_BODIES: Metric = Metric::counter(
    "lost_bodies",
    "Pending entries whose bodies somebody trimmed away: readings that are lost",
);

const ROLLED_BACK: Metric = Metric::counter(
    "entries_rolled_back",
    "Entries that Redis had lost, stored from memory: others may be lost",
);

const TRIMMED: Metric =
    Metric::counter("entries_trimmed", "Entries removed from the stream after all had them");

const LAG_CORRECTED: Metric = Metric::counter(
    "stream_lag_corrections",
    "Times Redis' own count of unread entries (`lag` of `XINFO GROUPS`), which autoscalers go by, was \
     proven wrong and set right",
);

const NAMESAKES: Metric = Metric::counter(
    "consumer_namesakes",
    "Signs of another process that works under this consumer's name",
);

const EXPIRED: Metric =
    Metric::counter("readings_expired", "Stored readings removed for their age");

const RESTARTS: Metric =
    Metric::counter("actor_restarts", "Actors that failed and were started again")
        .with_labels(&[Label::enumerated("actor", &actor_names::LABELS)]);

pub(crate) struct Metrics {
    stored: Counter<u64>,
    visible_after: Histogram<f64>,
    batch_size: Histogram<f64>,
    redelivered: Counter<u64>,
    reclaimed: Counter<u64>,
    dead_lettered: Counter<u64>,
    lost_bodies: Counter<u64>,
    lost_ownership: Counter<u64>,
    rolled_back: Counter<u64>,
    trimmed: Counter<u64>,
    lag_corrected: Counter<u64>,
    expired: Counter<u64>,
    namesakes: Counter<u64>,
    restarts: Counter<u64>,
}

/// The instruments of this process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    stored: STORED.build_counter(),
    visible_after: VISIBLE_AFTER.build_histogram(),
    batch_size: BATCH_SIZE.build_histogram(),
    redelivered: REDELIVERED.build_counter(),
    reclaimed: RECLAIMED.build_counter(),
    dead_lettered: DEAD_LETTERED.build_counter(),
    lost_bodies: LOST_BODIES.build_counter(),
    lost_ownership: LOST_OWNERSHIP.build_counter(),
    rolled_back: ROLLED_BACK.build_counter(),
    trimmed: TRIMMED.build_counter(),
    lag_corrected: LAG_CORRECTED.build_counter(),
    expired: EXPIRED.build_counter(),
    namesakes: NAMESAKES.build_counter(),
    restarts: RESTARTS.build_counter(),
});

/// Begins to count, and to show how full the window is.
pub(crate) fn watch(
    in_flight: impl Fn() -> usize + Send + Sync + 'static,
    size: impl Fn() -> usize + Send + Sync + 'static,
) {
    LazyLock::force(&METRICS);
    IN_FLIGHT.register_gauge(move || Some(as_f64(in_flight() as u64)));
    WINDOW.register_gauge(move || Some(as_f64(size() as u64)));
}

impl Metrics {
    /// Notes a write of so many readings, and how long ago the oldest was accepted, if that is known.
    pub fn stored(&self, readings: usize, age: Option<Duration>) {
        self.stored.add(readings as u64, &[]);
        if let Some(age) = age {
            self.visible_after.record(age.as_secs_f64(), &[]);
        }
    }

    /// Notes a read or claim that brought so many entries.
    pub fn delivered(&self, entries: usize) {
        self.batch_size.record(as_f64(entries as u64), &[]);
    }

    pub fn redelivered(&self, entries: usize) {
        self.redelivered.add(entries as u64, &[]);
    }

    pub fn reclaimed(&self, entries: usize) {
        self.reclaimed.add(entries as u64, &[]);
    }

    pub fn dead_lettered(&self, entries: usize) {
        self.dead_lettered.add(entries as u64, &[]);
    }

    pub fn lost_bodies(&self, entries: usize) {
        self.lost_bodies.add(entries as u64, &[]);
    }

    pub fn lost_ownership(&self, entries: usize) {
        self.lost_ownership.add(entries as u64, &[]);
    }

    pub fn rolled_back(&self, entries: u64) {
        self.rolled_back.add(entries, &[]);
    }

    pub fn trimmed(&self, entries: u64) {
        self.trimmed.add(entries, &[]);
    }

    pub fn lag_corrected(&self) {
        self.lag_corrected.add(1, &[]);
    }

    pub fn expired(&self, readings: u64) {
        self.expired.add(readings, &[]);
    }

    pub fn namesake_seen(&self) {
        self.namesakes.add(1, &[]);
    }

    pub fn restarted(&self, actor: &'static str) {
        self.restarts.add(1, &[KeyValue::new("actor", actor)]);
    }
}
