//! The responses to batch requests.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use readings::store::append_batch::Appended;

use super::rejected_row::RejectedRow;
use super::rows::ValidatedRows;
use crate::error_body::{ErrorBody, ValidationErrorBody, ValidationErrorItem};
use crate::store_failure::ServiceUnavailable;

/// The rows of a batch that were accepted and rejected.
#[derive(Debug, Clone, Object)]
pub struct BatchResult {
    /// Number of readings that are in the stream, and will be stored.
    accepted: u64,
    /// Number of readings among them that were accepted before, by the keys of their rows.
    replayed: u64,
    /// Number of invalid rows.
    rejected: u64,
    /// The id of the first reading's stream entry.
    #[oai(nullable)]
    first_stream_id: Option<String>,
    /// The id of the last one's. Readings of other requests may have ids in between; and with several partitions of the
    /// stream, in which ids are apart, it may be the lower one.
    #[oai(nullable)]
    last_stream_id: Option<String>,
    /// The errors of the first invalid rows, at most `max_errors`.
    errors: Vec<RejectedRow>,
    /// Whether there are more invalid rows than `errors` has.
    errors_truncated: bool,
}

/// A batch of which nothing was accepted.
#[derive(Debug, Clone, Object)]
pub struct RejectedBatch {
    #[oai(flatten)]
    error: ValidationErrorBody,
    #[oai(flatten)]
    rows: BatchResult,
}

/// A batch that was not accepted completely, because the service is unavailable.
#[derive(Debug, Clone, Object)]
pub struct UnavailableBatch {
    #[oai(flatten)]
    error: ErrorBody,
    /// What was accepted. Absent when it was nothing.
    #[oai(skip_serializing_if_is_none)]
    progress: Option<BatchProgress>,
}

/// The beginning of a batch that was accepted.
#[derive(Debug, Clone, Object)]
pub struct BatchProgress {
    /// Number of readings that are in the stream, and will be stored.
    accepted: u64,
    /// The id of the last one's stream entry.
    #[oai(nullable)]
    last_stream_id: Option<String>,
    /// The index of the first row that is not known to be accepted: all valid rows before it are. From it on, none is,
    /// unless `code` is `outcome_unknown`: then up to 1,000 rows from it on may be. A request that is repeated
    /// completely with the same `Idempotency-Key` accepts none twice.
    continue_at: u64,
}

#[derive(ApiResponse)]
pub(in crate::ingestion) enum PostBatchResponse {
    /// Every valid row is in the stream; invalid rows are listed.
    #[oai(status = 200)]
    Accepted(
        Json<BatchResult>,
        /// Only with an `Idempotency-Key`: true when the key was known, so that nothing was appended and this is
        /// the first response again.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
    /// The body ended before it was complete, its chunks are malformed, or it is not what its `Content-Encoding` says.
    #[oai(status = 400)]
    BodyIncomplete(Json<ErrorBody>),
    /// The body did not arrive completely in time.
    #[oai(status = 408)]
    BodyTimeout(Json<ErrorBody>),
    /// The body has more than 10 MiB, or more than 10,000 rows, or more rows than a rate limit permits at once.
    #[oai(status = 413)]
    BodyTooLarge(Json<ErrorBody>),
    /// The body has another media type or coding than those of this operation, which the headers list.
    #[oai(status = 415)]
    Unsupported(
        Json<ErrorBody>,
        /// The media types.
        #[oai(header = "Accept")]
        Option<String>,
        /// The codings.
        #[oai(header = "Accept-Encoding")]
        Option<String>,
    ),
    /// Nothing was accepted: no row is valid, or one is invalid and `atomic` is set, or the request as a whole is
    /// invalid.
    #[oai(status = 422)]
    Invalid(Json<RejectedBatch>),
    /// The client address or the API key is above its rate limit, in which each row counts as a request: `Retry-After`
    /// says when to try again.
    #[oai(status = 429)]
    RateLimited(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

#[derive(ApiResponse)]
pub(in crate::ingestion) enum BatchUnavailable {
    /// The service is unavailable: `code` says why, `Retry-After` when to try again, and `progress` what was accepted
    /// before.
    #[oai(status = 503)]
    Response(Json<UnavailableBatch>, #[oai(header = "Retry-After")] u64),
}

impl BatchResult {
    pub(super) fn new(rows: ValidatedRows, appended: &Appended, replayed: usize) -> Self {
        Self {
            accepted: appended.readings as u64,
            replayed: replayed as u64,
            rejected: rows.rejected as u64,
            first_stream_id: appended.entries.map(|(first, _)| first.to_string()),
            last_stream_id: appended.entries.map(|(_, last)| last.to_string()),
            errors_truncated: rows.errors.len() < rows.rejected,
            errors: rows.errors,
        }
    }
}

impl RejectedBatch {
    /// With the errors of the request, and the rows as far as they were validated.
    pub(super) fn new(errors: Vec<ValidationErrorItem>, rows: ValidatedRows) -> Self {
        let rows = BatchResult::new(rows, &Appended::default(), 0);
        Self { error: ValidationErrorBody::new(errors), rows }
    }
}

impl BatchUnavailable {
    /// Nothing was accepted.
    pub(super) fn new(unavailable: ServiceUnavailable) -> Self {
        let ServiceUnavailable::Response(Json(body), retry_after) = unavailable;
        Self::Response(Json(UnavailableBatch { error: body, progress: None }), retry_after)
    }

    /// The valid rows among the first `rows` were accepted.
    pub(super) fn after(unavailable: ServiceUnavailable, appended: &Appended, rows: usize) -> Self {
        let Self::Response(Json(body), retry_after) = Self::new(unavailable);
        let progress = (appended.readings > 0 || rows > 0).then(|| BatchProgress {
            accepted: appended.readings as u64,
            last_stream_id: appended.entries.map(|(_, last)| last.to_string()),
            continue_at: rows as u64,
        });
        Self::Response(Json(UnavailableBatch { progress, ..body }), retry_after)
    }
}
