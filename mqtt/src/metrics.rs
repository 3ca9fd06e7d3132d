//! The metrics of the MQTT receiver.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use instrumentation::metrics::{Label, Metric, as_f64};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use readings::store::receivers::{self, Receiver};

use crate::session::SessionError;

/// All metrics of this crate.
pub const CATALOGUE: &[Metric] = &[CONNECTED, CONNECTIONS_ENDED, MESSAGES, BATCHES, UNACKNOWLEDGED];

const CONNECTED: Metric = Metric::gauge(
    "mqtt_connected",
    "1 while the broker has confirmed the subscriptions of the present connection, else 0",
);

const CONNECTIONS_ENDED: Metric = Metric::counter(
    "mqtt_connections_ended",
    "Connections to the broker that ended or were not established. `connection`: unreachable, or broken; \
     `disconnected`: closed by the broker with a reason; `refused`: for example the password; `not_subscribed`: no \
     permission for a topic; `file`: of certificates or a password",
)
.with_labels(&[Label::enumerated("reason", SessionError::NAMES)]);

const MESSAGES: Metric = Metric::counter(
    "mqtt_messages",
    "Messages received. `mapped`: with readings, valid or not; `ignored`: of a known topic, without power; \
     `retained`: with the last power of a topic, from before the subscription, of unknown age; `unmapped`: of a topic \
     that no profile has",
)
.with_labels(&[Label::enumerated("outcome", &[MAPPED, IGNORED, RETAINED, UNMAPPED])]);

pub(crate) const MAPPED: &str = "mapped";
pub(crate) const IGNORED: &str = "ignored";
pub(crate) const RETAINED: &str = "retained";
pub(crate) const UNMAPPED: &str = "unmapped";

const BATCHES: Metric = Metric::histogram(
    "mqtt_batch_messages",
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0],
    "Messages that are appended and acknowledged together",
);

const UNACKNOWLEDGED: Metric = Metric::gauge(
    "mqtt_unacknowledged_messages",
    "Messages whose readings are being appended. While Redis is unavailable they wait, and the broker keeps those after \
     them",
);

pub(crate) struct Metrics {
    is_connected: AtomicU64,
    unacknowledged: AtomicU64,
    connections_ended: Counter<u64>,
    messages: Counter<u64>,
    batches: Histogram<f64>,
}

/// The instruments of this process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let gauge = |read: fn(&Metrics) -> &AtomicU64| {
        move || Some(as_f64(read(&METRICS).load(Ordering::Relaxed)))
    };
    CONNECTED.register_gauge(gauge(|metrics| &metrics.is_connected));
    UNACKNOWLEDGED.register_gauge(gauge(|metrics| &metrics.unacknowledged));
    Metrics {
        is_connected: AtomicU64::new(0),
        unacknowledged: AtomicU64::new(0),
        connections_ended: CONNECTIONS_ENDED.build_counter(),
        messages: MESSAGES.build_counter(),
        batches: BATCHES.build_histogram(),
    }
});

impl Metrics {
    pub fn connected(&self) {
        self.is_connected.store(1, Ordering::Relaxed);
        receivers::of(Receiver::Mqtt).set_connected(true);
    }

    pub fn connection_ended(&self, error: &SessionError) {
        self.is_connected.store(0, Ordering::Relaxed);
        receivers::of(Receiver::Mqtt).set_connected(false);
        self.connections_ended.add(1, &[KeyValue::new("reason", error.name())]);
    }

    pub fn message(&self, outcome: &'static str) {
        self.messages.add(1, &[KeyValue::new("outcome", outcome)]);
    }

    pub fn batch_begins(&self, messages: usize) {
        let messages = u64::try_from(messages).unwrap_or(u64::MAX);
        self.batches.record(as_f64(messages), &[]);
        self.unacknowledged.store(messages, Ordering::Relaxed);
    }

    pub fn batch_ends(&self) {
        self.unacknowledged.store(0, Ordering::Relaxed);
    }
}
