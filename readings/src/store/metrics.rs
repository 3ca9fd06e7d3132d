//! The metrics of the store.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use instrumentation::bound_histograms::BoundHistograms;
use instrumentation::metrics::{Label, Metric, as_f64};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use crate::store::error_class::ErrorClass;

/// The metrics of this crate, without those of [`RECEIVER_CATALOGUE`].
pub const CATALOGUE: &[Metric] = &[
    OPERATIONS,
    RECONNECTS,
    GROUPS_CREATED,
    PARTITION_COUNTS,
    REPLICAS_MISSING,
    READ_FALLBACKS,
    REPLICA_LAG,
];

/// The metrics of the receivers of a process.
pub const RECEIVER_CATALOGUE: &[Metric] = &[RECEIVER_READINGS];

const OPERATIONS: Metric = Metric::histogram_seconds(
    "db.client.operation.duration",
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5],
    "Duration of Redis commands, from the request to the reply. Blocking reads are left out",
)
.of_convention()
.with_labels(&[
    Label::enumerated(SYSTEM, &["redis"]),
    Label::documented(OPERATION, "the command, or the name of a script or transaction"),
    Label::documented(ERROR_TYPE, "the error class; absent when the command succeeded"),
]);

/// Attributes of OpenTelemetry's conventions for database clients.
const SYSTEM: &str = "db.system.name";
const OPERATION: &str = "db.operation.name";
const ERROR_TYPE: &str = "error.type";

const RECONNECTS: Metric = Metric::counter(
    "redis_reconnects",
    "Connections to Redis that were discarded and opened again",
)
.with_labels(&[Label::enumerated("reason", &RECONNECT_REASONS)]);

const GROUPS_CREATED: Metric = Metric::counter(
    "consumer_groups_created",
    "Times the consumer group was missing and was created. After the first start readings may be lost",
);

const PARTITION_COUNTS: Metric = Metric::gauge(
    "partition_counts",
    "Different numbers of partitions (`STREAM_PARTITIONS`) that services use now, with that of this one: above 1 while the \
     number is changed, or where services differ",
);

const REPLICAS_MISSING: Metric = Metric::counter(
    "redis_replica_waits_failed",
    "Waits for `REDIS_WAIT_REPLICAS` in which too few replicas had the write in time; it is on the primary",
);

const READ_FALLBACKS: Metric = Metric::counter(
    "redis_read_fallbacks",
    "Times that queries went over to the primary, as `REDIS_READ_FROM=replica` found no healthy replica",
);

pub(crate) const REPLICA_LAG: Metric = Metric::gauge_seconds(
    "redis_replica_lag",
    "Upper bound of the time that the replica which queries read from is behind; 0 where they read from the primary. Not \
     exposed by the Ingestion API",
);

pub(crate) const RECEIVER_READINGS: Metric = Metric::counter(
    "receiver_readings",
    "Rows by the receiver that they came in by, each counted once. `appended`: a reading that is in the stream; \
     `replayed`: one that was there before, by its key; `rejected`: not a valid reading; `unmapped`: no setting maps it \
     to a reading",
)
.with_labels(&[
    Label::documented("receiver", "`readings`, `batch`, `line_protocol`, `remote_write` or `mqtt`"),
    Label::enumerated("outcome", &["appended", "replayed", "rejected", "unmapped"]),
]);

/// The error classes, and a failover.
const RECONNECT_REASONS: [&str; ErrorClass::NAMES.len() + 1] = {
    let mut reasons = [FAILOVER; ErrorClass::NAMES.len() + 1];
    let mut at = 0;
    while at < ErrorClass::NAMES.len() {
        reasons[at] = ErrorClass::NAMES[at];
        at += 1;
    }
    reasons
};

/// The reason for a reconnect when Sentinels name another master.
pub(crate) const FAILOVER: &str = "failover";

/// A command, and why it failed.
type Operation = (&'static str, Option<ErrorClass>);

fn labels(&(name, error): &Operation) -> Vec<KeyValue> {
    let labels = [KeyValue::new(SYSTEM, "redis"), KeyValue::new(OPERATION, name)];
    // By the conventions `error.type` is absent, not empty, when there is no error.
    let error = error.map(|class| KeyValue::new(ERROR_TYPE, class.name()));
    labels.into_iter().chain(error).collect()
}

pub(crate) struct Metrics {
    operations: BoundHistograms<Operation>,
    reconnects: Counter<u64>,
    groups_created: Counter<u64>,
    replicas_missing: Counter<u64>,
    read_fallbacks: Counter<u64>,
    /// 0 until it is known.
    partition_counts: &'static AtomicU64,
}

/// The instruments of this process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    static COUNTS: AtomicU64 = AtomicU64::new(0);
    let counts = || Some(COUNTS.load(Ordering::Relaxed)).filter(|counts| *counts > 0);
    PARTITION_COUNTS.register_gauge(move || counts().map(as_f64));
    Metrics {
        operations: BoundHistograms::new(OPERATIONS.build_histogram()),
        reconnects: RECONNECTS.build_counter(),
        groups_created: GROUPS_CREATED.build_counter(),
        replicas_missing: REPLICAS_MISSING.build_counter(),
        read_fallbacks: READ_FALLBACKS.build_counter(),
        partition_counts: &COUNTS,
    }
});

impl Metrics {
    /// Records a command that got its reply, or failed.
    pub fn operation(&self, name: &'static str, took: Duration, error: Option<ErrorClass>) {
        self.operations.record((name, error), took.as_secs_f64(), labels);
    }

    pub fn group_created(&self) {
        self.groups_created.add(1, &[]);
    }

    /// Records how many different partition counts are in use.
    pub fn partition_counts(&self, counts: u64) {
        self.partition_counts.store(counts, Ordering::Relaxed);
    }

    pub fn replicas_missing(&self) {
        self.replicas_missing.add(1, &[]);
    }

    pub fn read_fallback(&self) {
        self.read_fallbacks.add(1, &[]);
    }

    pub fn reconnect(&self, reason: &'static str) {
        self.reconnects.add(1, &[KeyValue::new("reason", reason)]);
    }
}

/// Counts that the connection of a blocking reader is opened again.
pub fn count_reader_reconnect(reason: ErrorClass) {
    METRICS.reconnect(reason.name());
}
