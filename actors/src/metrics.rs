//! The metrics of the pipeline.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use instrumentation::metrics::{Label, Metric, as_f64};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};

use crate::actor_names;

/// All metrics of this crate.
pub const CATALOGUE: &[Metric] = &[
    STORED,
    INGEST_TO_READABLE,
    BATCH_SIZE,
    IN_FLIGHT,
    IN_FLIGHT_LIMIT,
    REDELIVERED,
    CLAIMED,
    CLAIMED_BY_OTHER,
    DEAD_LETTERED,
    PENDING_DELETED,
    RECOVERED,
    TRIMMED,
    LAG_CORRECTED,
    EXPIRED,
    PACKED_DAYS,
    PACKED_READINGS,
    PACKING_FAILURES,
    PACKING_LAG,
    PACKING_LAST_SUCCESS,
    DEDUPLICATED,
    DUPLICATE_CONSUMERS,
    RESTARTS,
];

const STORED: Metric = Metric::counter(
    "readings_stored",
    "Readings written to their site's sorted set, repeats included",
);

const INGEST_TO_READABLE: Metric = Metric::histogram_seconds(
    "ingest_to_readable",
    &[
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
        300.0,
    ],
    "Time from the acceptance of a reading until it can be read, by the clock of Redis. The oldest \
     reading of each write is recorded, so the distribution errs on the slow side. Writes whose entry \
     ids are ahead of that clock, as after it was set back, are left out",
);

const BATCH_SIZE: Metric = Metric::histogram(
    "delivery_batch_size",
    &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0],
    "Entries delivered by one read or claim; empty ones are left out",
);

const IN_FLIGHT: Metric = Metric::gauge(
    "entries_in_flight",
    "Entries delivered to this process and not yet acknowledged",
);

const IN_FLIGHT_LIMIT: Metric = Metric::gauge(
    "in_flight_limit",
    "Current limit of entries in flight: about a quarter of a second's work, at most `MAX_IN_FLIGHT`",
);

const REDELIVERED: Metric = Metric::counter(
    "entries_redelivered",
    "Entries delivered to this consumer again: after a connection error, the failure of an actor, or a \
     restart of the process",
);

const CLAIMED: Metric = Metric::counter("entries_claimed", "Entries claimed from idle consumers");

const CLAIMED_BY_OTHER: Metric = Metric::counter(
    "entries_claimed_by_other",
    "Entries that another consumer claimed while this process was still processing them",
);

const DEAD_LETTERED: Metric = Metric::counter(
    "entries_dead_lettered",
    "Entries moved to the dead-letter stream, as they cannot be stored as readings",
);

const PENDING_DELETED: Metric = Metric::counter(
    "pending_entries_deleted",
    "Pending entries that another client trimmed or deleted from the stream: readings that are lost",
);

const RECOVERED: Metric = Metric::counter(
    "entries_recovered_from_memory",
    "Entries stored from the memory of this process after Redis had lost them: others may be lost",
);

const TRIMMED: Metric = Metric::counter(
    "entries_trimmed",
    "Entries trimmed from the stream after their acknowledgement",
);

const LAG_CORRECTED: Metric = Metric::counter(
    "stream_lag_corrections",
    "Times Redis' own count of unread entries (`lag` of `XINFO GROUPS`), which autoscalers use, was \
     wrong and was corrected",
);

const DUPLICATE_CONSUMERS: Metric = Metric::counter(
    "duplicate_consumers_detected",
    "Heartbeats of another running process with this consumer name",
);

const EXPIRED: Metric =
    Metric::counter("readings_expired", "Stored readings deleted after `READINGS_RETENTION`");

const PACKED_DAYS: Metric = Metric::counter(
    "packings",
    "Closed days of sites that were packed, and packed again with late readings (`PACK_AFTER`)",
);

const PACKED_READINGS: Metric = Metric::counter(
    "readings_packed",
    "Stored readings moved from the sorted set of their site into a packed day, repeats included",
);

const PACKING_FAILURES: Metric = Metric::counter(
    "packing_failures",
    "Days that were not packed. Their readings stay in the sorted sets and are served. `error`: an error of Redis, or a \
     damaged value; `too_large`: more than 64 MiB; `contended`: it changed again and again; `leased`: another process \
     packs the site",
)
.with_labels(&[Label::enumerated("reason", &PACKING_FAILURE_REASONS)]);

/// All values of the label `reason` of days that were not packed.
const PACKING_FAILURE_REASONS: [&str; 4] = ["error", "too_large", "contended", "leased"];

const PACKING_LAG: Metric = Metric::gauge_seconds(
    "packing_lag",
    "How long the oldest day that waits to be packed has waited since it was due, by the last look at all sites; \
     without waiting days 0",
);

const PACKING_LAST_SUCCESS: Metric = Metric::gauge_seconds(
    "packing_last_success",
    "Unix time at which this process last visited all sites without an error of Redis; before the first time that of its \
     start, without `PACK_AFTER` 0",
);

const DEDUPLICATED: Metric = Metric::counter(
    "readings_deduplicated",
    "Readings of which `DEDUP_POLICY` keeps another one of the same device and instant. `dropped`: not stored; \
     `replaced`: stored before, and removed",
)
.with_labels(&[Label::enumerated("outcome", &[DROPPED, REPLACED])]);

const DROPPED: &str = "dropped";
const REPLACED: &str = "replaced";

const RESTARTS: Metric = Metric::counter("actor_restarts", "Actors that failed and were restarted")
    .with_labels(&[Label::enumerated("actor", &actor_names::LABELS)]);

pub(crate) struct Metrics {
    stored: Counter<u64>,
    ingest_to_readable: Histogram<f64>,
    batch_size: Histogram<f64>,
    redelivered: Counter<u64>,
    claimed: Counter<u64>,
    dead_lettered: Counter<u64>,
    pending_deleted: Counter<u64>,
    claimed_by_other: Counter<u64>,
    recovered: Counter<u64>,
    trimmed: Counter<u64>,
    lag_corrected: Counter<u64>,
    expired: Counter<u64>,
    packed_days: Counter<u64>,
    packed_readings: Counter<u64>,
    packing_failures: Counter<u64>,
    packing_lag: Arc<AtomicU64>,
    packing_last_success: Arc<AtomicU64>,
    deduplicated: Counter<u64>,
    duplicate_consumers: Counter<u64>,
    restarts: Counter<u64>,
}

/// The instruments of this process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    stored: STORED.build_counter(),
    ingest_to_readable: INGEST_TO_READABLE.build_histogram(),
    batch_size: BATCH_SIZE.build_histogram(),
    redelivered: REDELIVERED.build_counter(),
    claimed: CLAIMED.build_counter(),
    dead_lettered: DEAD_LETTERED.build_counter(),
    pending_deleted: PENDING_DELETED.build_counter(),
    claimed_by_other: CLAIMED_BY_OTHER.build_counter(),
    recovered: RECOVERED.build_counter(),
    trimmed: TRIMMED.build_counter(),
    lag_corrected: LAG_CORRECTED.build_counter(),
    expired: EXPIRED.build_counter(),
    packed_days: PACKED_DAYS.build_counter(),
    packed_readings: PACKED_READINGS.build_counter(),
    packing_failures: PACKING_FAILURES.build_counter(),
    packing_lag: Arc::default(),
    packing_last_success: Arc::default(),
    deduplicated: DEDUPLICATED.build_counter(),
    duplicate_consumers: DUPLICATE_CONSUMERS.build_counter(),
    restarts: RESTARTS.build_counter(),
});

/// Registers all metrics of the pipeline; both gauges are in entries.
pub(crate) fn register(
    in_flight: impl Fn() -> usize + Send + Sync + 'static,
    limit: impl Fn() -> usize + Send + Sync + 'static,
) {
    LazyLock::force(&METRICS);
    IN_FLIGHT.register_gauge(move || Some(as_f64(in_flight() as u64)));
    IN_FLIGHT_LIMIT.register_gauge(move || Some(as_f64(limit() as u64)));
    let gauge = |value: &Arc<AtomicU64>| {
        let value = Arc::clone(value);
        move || Some(as_f64(value.load(Ordering::Relaxed)))
    };
    PACKING_LAG.register_gauge(gauge(&METRICS.packing_lag));
    PACKING_LAST_SUCCESS.register_gauge(gauge(&METRICS.packing_last_success));
}

impl Metrics {
    /// Counts the readings of a write, and records the time since the oldest was accepted, if it is
    /// known.
    pub fn stored(&self, readings: usize, age: Option<Duration>) {
        self.stored.add(readings as u64, &[]);
        if let Some(age) = age {
            self.ingest_to_readable.record(age.as_secs_f64(), &[]);
        }
    }

    /// Records the number of entries of a read or claim.
    pub fn delivered(&self, entries: usize) {
        self.batch_size.record(as_f64(entries as u64), &[]);
    }

    pub fn redelivered(&self, entries: usize) {
        self.redelivered.add(entries as u64, &[]);
    }

    pub fn claimed(&self, entries: usize) {
        self.claimed.add(entries as u64, &[]);
    }

    pub fn dead_lettered(&self, entries: usize) {
        self.dead_lettered.add(entries as u64, &[]);
    }

    pub fn pending_deleted(&self, entries: usize) {
        self.pending_deleted.add(entries as u64, &[]);
    }

    pub fn claimed_by_other(&self, entries: usize) {
        self.claimed_by_other.add(entries as u64, &[]);
    }

    pub fn recovered_from_memory(&self, entries: u64) {
        self.recovered.add(entries, &[]);
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

    /// Counts a day that was packed, with the readings that were moved.
    pub fn packed(&self, readings: u64) {
        self.packed_days.add(1, &[]);
        self.packed_readings.add(readings, &[]);
    }

    pub fn not_packed(&self, reason: &'static str) {
        self.packing_failures.add(1, &[KeyValue::new("reason", reason)]);
    }

    pub fn packing_lag(&self, lag: Duration) {
        self.packing_lag.store(lag.as_secs(), Ordering::Relaxed);
    }

    /// Records that a run of packing has visited all sites, or that the first one begins.
    pub fn packing_succeeded(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.packing_last_success.store(now.as_secs(), Ordering::Relaxed);
    }

    /// Counts readings that are not kept.
    pub fn deduplicated(&self, dropped: usize, replaced: usize) {
        self.deduplicated.add(dropped as u64, &[KeyValue::new("outcome", DROPPED)]);
        self.deduplicated.add(replaced as u64, &[KeyValue::new("outcome", REPLACED)]);
    }

    pub fn duplicate_consumer_detected(&self) {
        self.duplicate_consumers.add(1, &[]);
    }

    pub fn restarted(&self, actor: &'static str) {
        self.restarts.add(1, &[KeyValue::new("actor", actor)]);
    }
}
