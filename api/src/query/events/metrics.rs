//! The metrics of event streams.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use instrumentation::metrics::{Label, Metric, as_f64};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use super::texts::Ending;

/// The metrics of event streams.
pub const CATALOGUE: &[Metric] = &[OPEN, ENDED, EVENTS];

const OPEN: Metric =
    Metric::gauge("event_streams_open", "Open event streams; `MAX_EVENT_STREAMS` is the limit");

const ENDED: Metric = Metric::counter(
    "event_streams_ended",
    "Event streams that ended. `client`: its connection was closed or broke; `slow`: it read more slowly than readings \
     arrived; `key`: its API key was revoked, has expired or no longer permits the site; `shutdown`: the service stopped",
)
.with_labels(&[Label::enumerated(REASON, &[CLIENT, "slow", "key", "shutdown"])]);

const EVENTS: Metric = Metric::counter("events_sent", "Readings that were sent on event streams");

const REASON: &str = "reason";
const CLIENT: &str = "client";

struct Metrics {
    open: AtomicU64,
    ended: Counter<u64>,
    events: Counter<u64>,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    OPEN.register_gauge(|| Some(as_f64(METRICS.open.load(Ordering::Relaxed))));
    Metrics {
        open: AtomicU64::new(0),
        ended: ENDED.build_counter(),
        events: EVENTS.build_counter(),
    }
});

/// Exposes the metrics before the first event stream.
pub(super) fn expose() {
    LazyLock::force(&METRICS);
}

/// Counts an open event stream until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream {
    /// Why the service has ended it; `None` when its client does.
    pub ending: Option<Ending>,
}

impl OpenStream {
    pub fn new() -> Self {
        METRICS.open.fetch_add(1, Ordering::Relaxed);
        Self { ending: None }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        METRICS.open.fetch_sub(1, Ordering::Relaxed);
        let reason = self.ending.map_or(CLIENT, Ending::reason);
        METRICS.ended.add(1, &[KeyValue::new(REASON, reason)]);
    }
}

/// Counts readings that were sent.
pub(super) fn sent(readings: u64) {
    METRICS.events.add(readings, &[]);
}
