//! Metrics of the store.

use std::sync::LazyLock;
use std::time::Duration;

use instrumentation::metrics::{Label, Metric};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};

use crate::store::error_class::ErrorClass;

/// The error classes, as labels.
pub const ERROR_CLASSES: Label = Label::enumerated("reason", &ErrorClass::NAMES);

/// All metrics of this crate.
pub const CATALOGUE: &[Metric] = &[COMMANDS, RECONNECTS, GROUPS_CREATED];

const COMMANDS: Metric = Metric::histogram_seconds(
    "redis_command_duration",
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5],
    "How long Redis took to reply, without reads that block",
)
.with_labels(&[
    Label::documented("command", "the command, or the name of a script or transaction"),
    Label::documented("error", "the error class; empty when it succeeded"),
]);

const RECONNECTS: Metric = Metric::counter(
    "redis_reconnects",
    "Connections to Redis that were discarded and are replaced",
)
.with_labels(&[Label::enumerated("reason", &RECONNECT_REASONS)]);

const GROUPS_CREATED: Metric = Metric::counter(
    "consumer_groups_created",
    "Times the consumer group was missing; after the first start, readings may be lost",
);

/// The error classes, and that the Sentinels name another master.
const RECONNECT_REASONS: [&str; ErrorClass::NAMES.len() + 1] = {
    let mut reasons = [MOVED; ErrorClass::NAMES.len() + 1];
    let mut at = 0;
    while at < ErrorClass::NAMES.len() {
        reasons[at] = ErrorClass::NAMES[at];
        at += 1;
    }
    reasons
};

/// The reason for a reconnect when the master has moved.
pub(crate) const MOVED: &str = "moved";

pub(crate) struct Metrics {
    commands: Histogram<f64>,
    reconnects: Counter<u64>,
    groups_created: Counter<u64>,
}

/// The instruments of this process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    commands: COMMANDS.build_histogram(),
    reconnects: RECONNECTS.build_counter(),
    groups_created: GROUPS_CREATED.build_counter(),
});

impl Metrics {
    /// Records a command: its duration, and its error.
    pub fn command(&self, operation: &'static str, took: Duration, error: Option<ErrorClass>) {
        let error = error.map_or("", ErrorClass::name);
        let labels = [KeyValue::new("command", operation), KeyValue::new("error", error)];
        self.commands.record(took.as_secs_f64(), &labels);
    }

    pub fn group_created(&self) {
        self.groups_created.add(1, &[]);
    }

    pub fn reconnect(&self, reason: &'static str) {
        self.reconnects.add(1, &[KeyValue::new("reason", reason)]);
    }
}

/// Counts a reconnect of a blocking reader.
pub fn reader_reconnects(reason: ErrorClass) {
    METRICS.reconnect(reason.name());
}
