//! What the HTTP front counts.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use instrumentation::metrics::{Label, Metric};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use readings::validation::Fault;

/// The metrics of this crate, without those of [`crate::operations::PIPELINE_CATALOGUE`].
pub const CATALOGUE: &[Metric] =
    &[REQUESTS, CONNECTIONS, CONNECTIONS_REFUSED, ACCEPTED, REJECTED, REFUSED, UNREADABLE];

const REQUESTS: Metric = Metric::histogram_seconds(
    "http.server.request.duration",
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
    "How long requests took until their answer began; with its count, the rate of requests, and of \
     errors by status",
)
.with_labels(&[
    Label::documented(METHOD, "`_OTHER` where it is none of the usual ones"),
    Label::documented(
        ROUTE,
        "the path as the OpenAPI document has it; empty for one that is not there",
    ),
    Label::documented(STATUS, "the status of the answer"),
]);

/// As OpenTelemetry's conventions name them.
pub(crate) const METHOD: &str = "http.request.method";
pub(crate) const ROUTE: &str = "http.route";
pub(crate) const STATUS: &str = "http.response.status_code";

pub(crate) const CONNECTIONS: Metric = Metric::gauge(
    "http.server.connections",
    "Open connections of clients; `MAX_CONNECTIONS` is the limit",
);

const CONNECTIONS_REFUSED: Metric = Metric::counter(
    "http.server.connections.refused",
    "Connections above `MAX_CONNECTIONS`: `replaced` were waiting for a request and have been closed for \
     new ones; on those `refused` a request other than a probe was answered 503",
)
.with_labels(&[Label::enumerated("reason", &["replaced", "refused"])]);

const ACCEPTED: Metric = Metric::counter("readings_accepted", "Readings taken into the stream");

const REJECTED: Metric = Metric::counter(
    "readings_rejected",
    "Readings that broke a rule (422), once for each rule that they broke",
)
.with_labels(&[Label::enumerated("reason", Fault::CODES)]);

const REFUSED: Metric = Metric::counter(
    "readings_refused",
    "Valid readings that were not taken (503); of `timeout` and `disconnected` it is unknown",
)
.with_labels(&[Label::documented("reason", "`backlog`, or the class of Redis' trouble")]);

const UNREADABLE: Metric = Metric::counter(
    "members_unreadable",
    "Stored members that are no readings, skipped in answers",
);

pub(crate) struct Metrics {
    requests: Histogram<f64>,
    connections_refused: Counter<u64>,
    accepted: Counter<u64>,
    rejected: Counter<u64>,
    refused: Counter<u64>,
    unreadable: Counter<u64>,
}

/// The instruments of this process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    requests: REQUESTS.build_histogram(),
    connections_refused: CONNECTIONS_REFUSED.build_counter(),
    accepted: ACCEPTED.build_counter(),
    rejected: REJECTED.build_counter(),
    refused: REFUSED.build_counter(),
    unreadable: UNREADABLE.build_counter(),
});

impl Metrics {
    /// Notes an answer; the route is the path's template.
    pub fn answered(&self, method: &'static str, route: &Arc<str>, status: u16, took: Duration) {
        let labels = [
            KeyValue::new(METHOD, method),
            KeyValue::new(ROUTE, Arc::clone(route)),
            KeyValue::new(STATUS, i64::from(status)),
        ];
        self.requests.record(took.as_secs_f64(), &labels);
    }

    pub fn connection_refused(&self, reason: &'static str) {
        self.connections_refused.add(1, &[KeyValue::new("reason", reason)]);
    }

    pub fn accepted(&self) {
        self.accepted.add(1, &[]);
    }

    /// Counts a rejected reading once for each rule that it broke.
    pub fn rejected(&self, faults: &[Fault]) {
        let rules: BTreeSet<_> = faults.iter().map(|fault| fault.kind.code()).collect();
        for rule in rules {
            self.rejected.add(1, &[KeyValue::new("reason", rule)]);
        }
    }

    pub fn refused(&self, reason: &'static str) {
        self.refused.add(1, &[KeyValue::new("reason", reason)]);
    }

    pub fn unreadable(&self, members: usize) {
        self.unreadable.add(members as u64, &[]);
    }
}
