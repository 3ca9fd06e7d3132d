//! What the receivers of other protocols share: measurements of a request become readings with row keys and are appended,
//! rejected rows are counted, logged and dead-lettered.
//!
//! The valid rows are in the stream before anything is answered, and a row has its key from what it measures: a sender
//! that repeats a request, for whatever reason, adds nothing (`IdempotencyKey::of_measurement`).

use std::collections::BTreeMap;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use poem::Request;
use poem_openapi::payload::Json;
use readings::store::append_batch::{AppendBatch, Appended};
use readings::store::idempotency::IdempotencyKey;
use readings::store::receivers::{self, Receiver};
use readings::store::rejected_rows::RejectedRows;
use readings::store::{ErrorClass, StoreError};
use readings::validation::{ErrorKind, Location, Measurement, ValidationError};
use serde_json::Value;
use tracing::{Span, debug, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::IngestionApi;
use super::append::NotAppended;
use super::row_rate::{self, OverRate};
use crate::access::Grant;
use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::metrics::METRICS;
use crate::store_failure::{ServiceUnavailable, StoreOperation};

/// The attribute of request spans that names the receiver.
const RECEIVER: &str = "energy_pipeline.receiver";

/// Names of unmapped rows that are told apart in a request. Too low: an operator sees few of them. Too high: a request with
/// a name a row takes much memory.
const MAX_UNMAPPED_NAMES: usize = 16;

/// A row as it was sent, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawRow<'a> {
    /// Its place in the body, for the sender: a line, or a number of a series.
    pub place: u64,
    /// Its text.
    pub text: &'a [u8],
}

/// The rows of one request of a receiver.
#[derive(Debug)]
pub(super) struct ReceivedRows<'r> {
    receiver: Receiver,
    grant: Option<&'r Grant>,
    batch: AppendBatch,
    rejected: RejectedRows,
    reasons: BTreeMap<&'static str, u64>,
    first_error: Option<String>,
    unmapped: usize,
    unmapped_names: BTreeMap<String, UnmappedName>,
}

/// Rows of one name that are no readings by the mapping.
#[derive(Debug)]
struct UnmappedName {
    reason: String,
    rows: u64,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// The readings in the stream.
    pub appended: Appended,
    /// Number of rejected rows.
    pub rejected: usize,
    /// Number of rows that are no readings by the mapping.
    pub unmapped: usize,
    /// The first error, in a sentence with its place.
    pub first_error: Option<String>,
}

impl Received {
    /// The body of a response that says how many rows were rejected, and why the first of them was.
    pub fn partial_write(self) -> ErrorBody {
        let (rejected, first) = (self.rejected, self.first_error.unwrap_or_default());
        let (accepted, unmapped) = (self.appended.readings, self.unmapped);
        let detail = format!(
            "partial write: {rejected} rejected, {accepted} accepted, {unmapped} without a mapped field; line {first}"
        );
        ErrorBody::new(ErrorCode::ValidationFailed, detail)
    }
}

/// Why a request was not accepted; it is to be answered with this status.
#[derive(Debug)]
pub(super) enum NotReceived {
    /// 403: the key permits none of its sites.
    SiteForbidden(ErrorBody),
    /// 413: it has more rows than a rate limit permits at once.
    TooManyRows(ErrorBody),
    /// 429, with the seconds of `Retry-After`.
    RateLimited(ErrorBody, u64),
    /// 503, with the seconds of `Retry-After`. A part may have been appended; the request can be repeated.
    Unavailable(ErrorBody, u64),
}

impl<'r> ReceivedRows<'r> {
    /// No rows yet.
    pub fn new(receiver: Receiver, request: &'r Request) -> Self {
        let span = Span::current();
        if !span.is_none() {
            span.set_attribute(RECEIVER, receiver.name());
        }
        Self {
            receiver,
            grant: request.extensions().get::<Grant>(),
            batch: AppendBatch::default(),
            rejected: RejectedRows::new(receiver.name()),
            reasons: BTreeMap::new(),
            first_error: None,
            unmapped: 0,
            unmapped_names: BTreeMap::new(),
        }
    }

    /// Adds a measurement, or rejects its row.
    pub fn push(&mut self, measurement: &Measurement<'_>, row: RawRow<'_>) {
        let reading = match measurement.validate() {
            Ok(reading) => reading,
            Err(errors) => return self.reject(&errors, row),
        };
        if self.grant.is_some_and(|grant| !grant.key().permits_site(measurement.site)) {
            return self.reject(&[site_forbidden(measurement.site)], row);
        }
        let key = IdempotencyKey::of_measurement(&reading, measurement.instant);
        self.batch.push_keyed(&reading, &key, row.place);
    }

    /// Rejects a row for these errors, of which there is one at least.
    pub fn reject(&mut self, errors: &[ValidationError], row: RawRow<'_>) {
        for error in errors {
            *self.reasons.entry(error.kind.code()).or_default() += 1;
        }
        let reason = errors.iter().map(ValidationError::sentence).collect::<Vec<_>>().join("; ");
        self.rejected.push(&reason, "", row.text);
        self.first_error.get_or_insert_with(|| format!("{}: {reason}", row.place));
    }

    /// Counts a row that is no reading by the mapping, by the name of what it is (a measurement, a metric); `reason` says
    /// why, and is called for the first of a name.
    pub fn leave_unmapped(&mut self, name: &str, reason: impl FnOnce() -> String) {
        self.unmapped += 1;
        if let Some(found) = self.unmapped_names.get_mut(name) {
            found.rows += 1;
        } else if self.unmapped_names.len() < MAX_UNMAPPED_NAMES {
            let first = UnmappedName { reason: reason(), rows: 1 };
            self.unmapped_names.insert(name.to_owned(), first);
        } else {
            let others = || UnmappedName { reason: "other names".to_owned(), rows: 0 };
            self.unmapped_names.entry(String::new()).or_insert_with(others).rows += 1;
        }
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.batch.rows() + self.rejected.count() + self.unmapped
    }

    fn count_not_accepted(&self) {
        METRICS.rejected_rows(&self.reasons);
        let counter = receivers::of(self.receiver);
        if self.rejected.count() > 0 {
            counter.rejected_rows(self.rejected.count(), &self.reasons);
        }
        for (name, UnmappedName { reason, rows }) in &self.unmapped_names {
            counter.unmapped(name, reason, *rows);
        }
    }

    /// Whether rows were rejected, all of them because of the API key.
    fn are_forbidden(&self) -> bool {
        let forbidden = self.reasons.get(ErrorKind::SiteForbidden.code()).copied();
        self.batch.rows() == 0 && forbidden.is_some_and(|rows| rows == self.rejected.count() as u64)
    }
}

fn site_forbidden(site: &str) -> ValidationError {
    let input = Value::from(site).to_string();
    ValidationError::new(Location::Field("site_id"), ErrorKind::SiteForbidden, &input)
}

impl IngestionApi {
    /// Appends the readings, and then dead-letters the rejected rows.
    ///
    /// Rows of which each is rejected because of the API key are not dead-lettered: the sender is told so, and keeps them.
    pub(super) async fn append_received(
        &self,
        request: &Request,
        rows: ReceivedRows<'_>,
    ) -> Result<Received, NotReceived> {
        METRICS.batch(rows.count());
        rows.count_not_accepted();
        row_rate::add(request, rows.count()).map_err(|over| NotReceived::from(*over))?;
        if rows.are_forbidden() {
            let detail = rows.first_error.unwrap_or_default();
            let body = ErrorBody::new(ErrorCode::SiteForbidden, detail);
            return Err(NotReceived::SiteForbidden(body));
        }
        let mut appended = Appended::default();
        if rows.batch.readings() > 0 {
            appended = self.append_rows(rows.receiver, &rows.batch, None).await?;
        }
        self.dead_letter(&rows).await?;
        Ok(Received {
            appended,
            rejected: rows.rejected.count(),
            unmapped: rows.unmapped,
            first_error: rows.first_error,
        })
    }

    async fn dead_letter(&self, rows: &ReceivedRows<'_>) -> Result<(), NotReceived> {
        if rows.rejected.count() == 0 {
            return Ok(());
        }
        log_rejected(rows);
        match self.partitions.dead_letter_rows(&rows.rejected, self.idempotency_ttl).await {
            Ok(dead_lettered) => debug!(?dead_lettered, "rejected rows were dead-lettered"),
            Err(error) if passes(&error) => {
                return Err(
                    ServiceUnavailable::from_store(StoreOperation::AppendBatch, &error).into()
                );
            }
            // No repetition would help, and the valid rows are in the stream.
            Err(error) => log_not_dead_lettered(&error),
        }
        Ok(())
    }
}

/// Whether a repetition may succeed.
const fn passes(error: &StoreError) -> bool {
    use ErrorClass::{Busy, Disconnected, Full, ReadOnly, Timeout};
    matches!(error.class, Busy | Disconnected | Full | ReadOnly | Timeout)
}

fn log_rejected(rows: &ReceivedRows<'_>) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        let (receiver, rejected) = (rows.receiver.name(), rows.rejected.count());
        let first = rows.first_error.as_deref();
        warn!(receiver, rejected, first, suppressed, "rows were rejected");
    }
}

fn log_not_dead_lettered(error: &StoreError) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(%error, suppressed, "rejected rows have no dead letters");
    }
}

impl From<OverRate> for NotReceived {
    fn from(over: OverRate) -> Self {
        match over {
            OverRate::RateLimited(body, retry_after) => Self::RateLimited(body, retry_after),
            OverRate::TooManyRows(body) => Self::TooManyRows(body),
        }
    }
}

impl From<ServiceUnavailable> for NotReceived {
    fn from(unavailable: ServiceUnavailable) -> Self {
        let ServiceUnavailable::Response(Json(body), retry_after) = unavailable;
        Self::Unavailable(body, retry_after)
    }
}

impl From<NotAppended> for NotReceived {
    fn from(error: NotAppended) -> Self {
        match error {
            NotAppended::BacklogFull(unavailable)
            | NotAppended::Interrupted { unavailable, .. } => unavailable.into(),
            // Rows with keys of their own have no key of the request that could be used twice.
            NotAppended::KeyConflict => {
                Self::Unavailable(ErrorBody::new(ErrorCode::InternalError, "Key conflict"), 1)
            }
        }
    }
}
