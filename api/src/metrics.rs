//! The metrics of the HTTP server and of ingestion and query.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use instrumentation::bound_histograms::BoundHistograms;
use instrumentation::metrics::{Label, Metric};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use readings::validation::ValidationError;

/// The metrics of this crate, without those of [`crate::operations::PIPELINE_CATALOGUE`].
pub const CATALOGUE: &[Metric] = &[
    REQUESTS,
    REQUESTS_REJECTED,
    RATE_LIMITED,
    REQUESTS_BY_KEY,
    CONNECTIONS,
    OVER_LIMIT,
    HANDSHAKES_FAILED,
    RELOAD_SUCCESSFUL,
    ACCEPTED,
    REJECTED,
    UNAVAILABLE,
    BATCH_ROWS,
    DELETED,
    INVALID_MEMBERS,
];

const REQUESTS: Metric = Metric::histogram_seconds(
    "http.server.request.duration",
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
    "Duration of requests until the response begins. Its count gives the rate of requests, and of errors \
     by status",
)
.of_convention()
.with_labels(&[
    Label::documented(METHOD, "`_OTHER` for a method that RFC 9110 and PATCH do not define"),
    Label::documented(
        ROUTE,
        "the path template of the OpenAPI document; empty when none matches",
    ),
    Label::documented(STATUS, "the status code of the response"),
]);

/// Attributes of OpenTelemetry's conventions for HTTP servers.
pub(crate) const METHOD: &str = "http.request.method";
pub(crate) const ROUTE: &str = "http.route";
pub(crate) const STATUS: &str = "http.response.status_code";

const REQUESTS_REJECTED: Metric = Metric::counter(
    "http_server_requests_rejected",
    "Requests rejected for their origin or their API key. `cross_site`: a write or an operation that a browser states \
     to come from another site or origin (403); `foreign_origin`: one with another `Origin` than its host (403); \
     `foreign_host`: a request for a host that is not allowed (421); `api_key_missing`, `api_key_invalid`, \
     `api_key_expired`: 401; `scope_missing`, `site_forbidden`: the key does not permit the request (403)",
)
.with_labels(&[Label::enumerated(
    "reason",
    &[
        CROSS_SITE,
        FOREIGN_ORIGIN,
        FOREIGN_HOST,
        API_KEY_MISSING,
        API_KEY_INVALID,
        API_KEY_EXPIRED,
        SCOPE_MISSING,
        SITE_FORBIDDEN,
    ],
)]);

pub(crate) const CROSS_SITE: &str = "cross_site";
pub(crate) const FOREIGN_ORIGIN: &str = "foreign_origin";
pub(crate) const FOREIGN_HOST: &str = "foreign_host";

const RATE_LIMITED: Metric = Metric::counter(
    "http_server_requests_rate_limited",
    "Requests above a rate limit (429). `address`: that of a client address, `RATE_LIMIT_PER_ADDRESS`; `key`: that of an \
     API key, its `rate` or `RATE_LIMIT_PER_KEY`",
)
.with_labels(&[Label::enumerated("limit", &[OF_ADDRESS, OF_KEY])]);

pub(crate) const OF_ADDRESS: &str = "address";
pub(crate) const OF_KEY: &str = "key";

pub(crate) const API_KEY_MISSING: &str = "api_key_missing";
pub(crate) const API_KEY_INVALID: &str = "api_key_invalid";
pub(crate) const API_KEY_EXPIRED: &str = "api_key_expired";
pub(crate) const SCOPE_MISSING: &str = "scope_missing";
pub(crate) const SITE_FORBIDDEN: &str = "site_forbidden";

pub(crate) const REQUESTS_BY_KEY: Metric = Metric::counter(
    "http_server_requests_by_key",
    "Requests with a known API key. `authorized`: the key permits the request; else why it was rejected. A reading of \
     a site that the key does not permit is counted as `authorized` and as `site_forbidden`: its body is read first",
)
.with_labels(&[
    Label::documented(KEY, "the name of the key in `API_KEYS_FILE`"),
    Label::enumerated(OUTCOME, &[AUTHORIZED, API_KEY_EXPIRED, SCOPE_MISSING, SITE_FORBIDDEN]),
]);

pub(crate) const KEY: &str = "key";
pub(crate) const OUTCOME: &str = "outcome";
pub(crate) const AUTHORIZED: &str = "authorized";

pub(crate) const CONNECTIONS: Metric = Metric::gauge(
    "http_server_open_connections",
    "Open client connections; `MAX_CONNECTIONS` is the limit",
);

const OVER_LIMIT: Metric = Metric::counter(
    "http_server_connections_over_limit",
    "Connections above `MAX_CONNECTIONS`. `evicted`: an idle connection was closed for the new one; \
     `unavailable`: a request on the new one, other than a probe, was answered with 503",
)
.with_labels(&[Label::enumerated(OUTCOME, &[EVICTED, CONNECTION_UNAVAILABLE])]);

const EVICTED: &str = "evicted";
const CONNECTION_UNAVAILABLE: &str = "unavailable";

const HANDSHAKES_FAILED: Metric = Metric::counter(
    "http_server_tls_handshakes_failed",
    "TLS handshakes that failed. `timeout`: not complete in time; `disconnected`: ended by the client or the \
     network; `alert`: the client sent an alert, as one that does not trust the certificate; \
     `client_certificate`: the client's certificate is expired or of an unknown authority; `protocol`: anything \
     else, as a client without a common version",
)
.with_labels(&[Label::enumerated(
    "reason",
    &[
        HANDSHAKE_TIMEOUT,
        HANDSHAKE_DISCONNECTED,
        HANDSHAKE_ALERT,
        HANDSHAKE_CLIENT_CERTIFICATE,
        HANDSHAKE_PROTOCOL,
    ],
)]);

pub(crate) const HANDSHAKE_TIMEOUT: &str = "timeout";
pub(crate) const HANDSHAKE_DISCONNECTED: &str = "disconnected";
pub(crate) const HANDSHAKE_ALERT: &str = "alert";
pub(crate) const HANDSHAKE_CLIENT_CERTIFICATE: &str = "client_certificate";
pub(crate) const HANDSHAKE_PROTOCOL: &str = "protocol";

pub(crate) const RELOAD_SUCCESSFUL: Metric = Metric::gauge(
    "configuration_last_reload_successful",
    "1 if the files of the setting were valid when they were last read; 0 while an invalid change is not in use",
)
.with_labels(&[Label::documented(SETTING, "a setting whose files are read again when they change")]);

pub(crate) const SETTING: &str = "setting";

const ACCEPTED: Metric = Metric::counter(
    "readings_accepted",
    "Readings appended to the stream (201), alone or in a batch (200)",
);

const REJECTED: Metric = Metric::counter(
    "readings_rejected",
    "Invalid readings (422), counted once for each validation rule that they break",
)
.with_labels(&[Label::enumerated("reason", ValidationError::CODES)]);

const UNAVAILABLE: Metric = Metric::counter(
    "readings_unavailable",
    "Valid readings answered with 503. For `timeout` and `disconnected` the outcome is unknown",
)
.with_labels(&[Label::documented("reason", "`backlog`, or the error class of Redis")]);

const BATCH_ROWS: Metric = Metric::histogram(
    "readings_batch_rows",
    &[1.0, 10.0, 100.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0],
    "Rows of batch requests, valid or not",
);

const DELETED: Metric = Metric::counter("readings_deleted", "Stored readings deleted on demand");

const INVALID_MEMBERS: Metric = Metric::counter(
    "stored_members_invalid",
    "Stored members that are not valid readings, left out of responses",
);

/// What the durations of requests are distinguished by.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Responded {
    method: &'static str,
    route: Arc<str>,
    status: u16,
}

impl Responded {
    fn labels(&self) -> [KeyValue; 3] {
        [
            KeyValue::new(METHOD, self.method),
            KeyValue::new(ROUTE, Arc::clone(&self.route)),
            KeyValue::new(STATUS, i64::from(self.status)),
        ]
    }
}

pub(crate) struct Metrics {
    requests: BoundHistograms<Responded>,
    requests_rejected: Counter<u64>,
    rate_limited: Counter<u64>,
    over_limit: Counter<u64>,
    handshakes_failed: Counter<u64>,
    accepted: Counter<u64>,
    rejected: Counter<u64>,
    unavailable: Counter<u64>,
    batch_rows: Histogram<f64>,
    deleted: Counter<u64>,
    invalid_members: Counter<u64>,
}

/// The instruments of this process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    requests: BoundHistograms::new(REQUESTS.build_histogram()),
    requests_rejected: REQUESTS_REJECTED.build_counter(),
    rate_limited: RATE_LIMITED.build_counter(),
    over_limit: OVER_LIMIT.build_counter(),
    handshakes_failed: HANDSHAKES_FAILED.build_counter(),
    accepted: ACCEPTED.build_counter(),
    rejected: REJECTED.build_counter(),
    unavailable: UNAVAILABLE.build_counter(),
    batch_rows: BATCH_ROWS.build_histogram(),
    deleted: DELETED.build_counter(),
    invalid_members: INVALID_MEMBERS.build_counter(),
});

impl Metrics {
    /// Records a response; the route is the path template.
    pub fn responded(&self, method: &'static str, route: Arc<str>, status: u16, took: Duration) {
        let responded = Responded { method, route, status };
        self.requests.record(responded, took.as_secs_f64(), Responded::labels);
    }

    /// Counts a request that was rejected for its origin or its key.
    pub fn request_rejected(&self, reason: &'static str) {
        self.requests_rejected.add(1, &[KeyValue::new("reason", reason)]);
    }

    /// Counts a request above a rate limit.
    pub fn rate_limited(&self, limit: &'static str) {
        self.rate_limited.add(1, &[KeyValue::new("limit", limit)]);
    }

    /// Counts an idle connection that was closed for a new one.
    pub fn connection_evicted(&self) {
        self.over_limit.add(1, &[KeyValue::new(OUTCOME, EVICTED)]);
    }

    /// Counts a request that was answered with 503 because of too many connections.
    pub fn connection_unavailable(&self) {
        self.over_limit.add(1, &[KeyValue::new(OUTCOME, CONNECTION_UNAVAILABLE)]);
    }

    /// Counts a TLS handshake that failed.
    pub fn handshake_failed(&self, reason: &'static str) {
        self.handshakes_failed.add(1, &[KeyValue::new("reason", reason)]);
    }

    pub fn accepted(&self, readings: usize) {
        self.accepted.add(readings as u64, &[]);
    }

    /// Records the size of a batch.
    pub fn batch(&self, rows: usize) {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        self.batch_rows.record(f64::from(rows), &[]);
    }

    /// Counts for each rule the rows of a batch that break it.
    pub fn rejected_rows(&self, reasons: &BTreeMap<&'static str, u64>) {
        for (rule, rows) in reasons {
            self.rejected.add(*rows, &[KeyValue::new("reason", *rule)]);
        }
    }

    /// Counts an invalid reading once for each rule that it breaks.
    pub fn rejected(&self, errors: &[ValidationError]) {
        let rules: BTreeSet<_> = errors.iter().map(|error| error.kind.code()).collect();
        for rule in rules {
            self.rejected.add(1, &[KeyValue::new("reason", rule)]);
        }
    }

    pub fn unavailable(&self, reason: &'static str, readings: usize) {
        self.unavailable.add(readings as u64, &[KeyValue::new("reason", reason)]);
    }

    /// Counts readings that a request has deleted.
    pub fn deleted(&self, readings: u64) {
        self.deleted.add(readings, &[]);
    }

    pub fn invalid_members(&self, members: usize) {
        self.invalid_members.add(members as u64, &[]);
    }
}
