//! `POST /readings/batch`: validates many readings and appends the valid ones in their order.

mod answer;
mod batch_body;
mod parameters;
mod rejected_row;
mod rows;

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Query};
use poem_openapi::payload::Json;
use readings::store::append_batch::{Appended, ChunkKeys};
use readings::store::receivers::{self, Receiver};
use readings::validation::{ErrorKind, is_key};

use self::answer::{BatchResult, BatchUnavailable, PostBatchResponse, RejectedBatch};
use self::batch_body::{BatchBody, MEDIA_TYPES};
use self::parameters::{Atomic, MaxErrors, all_or_nothing, no_valid_row, two_kinds_of_keys};
use self::rows::{MAX_ROWS, UnusableBody, ValidatedRows};
use super::IngestionApi;
use super::append::NotAppended;
use super::content_type::Format;
use super::idempotency_key::{self, IdempotencyKeyHeader};
use super::received_body::{BodyError, BodyResponses};
use super::row_rate::{self, OverRate};
use crate::access::Grant;
use crate::api_tag::ApiTag;
use crate::error_body::{ErrorBody, ValidationErrorItem};
use crate::error_code::ErrorCode;
use crate::metrics::METRICS;
use crate::parameter::Checked;
use crate::unknown_parameters::unknown_parameters;

/// Operations on many readings.
#[derive(Debug)]
pub struct BatchApi(pub IngestionApi);

#[OpenApi(tag = "ApiTag::Ingestion")]
impl BatchApi {
    /// Send many readings
    ///
    /// At most 10,000 rows and 10 MiB: a JSON array (or an object with the member `readings`), NDJSON, or CSV with a
    /// header; encoded with gzip, deflate or zstd, or not at all. Each row is validated as a single reading is. After a
    /// 200 every valid row is in the stream, in the order of the rows. With an `Idempotency-Key` the whole request can
    /// be repeated when its outcome is unknown, also after the service failed in the middle of it: no row is accepted
    /// twice. Rows of JSON and NDJSON may have keys of their own instead, as the member `idempotency_key`: each stands
    /// for its row in any batch, and in the header of a request with that row alone.
    #[oai(path = "/readings/batch", method = "post", operation_id = "post_readings_batch")]
    async fn post_readings_batch(
        &self,
        body: BatchBody,
        request: &Request,
        /// Whether one invalid row rejects all.
        atomic: Query<Checked<Atomic>>,
        /// The most invalid rows whose errors are listed; all are counted.
        max_errors: Query<Checked<MaxErrors>>,
        /// A key of this batch, such as a UUID: 1 to 255 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Checked<IdempotencyKeyHeader>>,
    ) -> Result<PostBatchResponse, BatchUnavailable> {
        let key = idempotency_key::sent(request);
        let (format, body) = match body {
            BatchBody::Complete(format, body) => (format, body),
            BatchBody::UnsupportedType => return Ok(unsupported_type()),
            BatchBody::Failed(error) => return Ok(error.into()),
        };
        let parameters = match parameters(request, atomic.0, max_errors.0, key.as_deref()) {
            Ok(parameters) => parameters,
            Err(errors) => return Ok(rejected(errors, ValidatedRows::default())),
        };
        let rows = match usable_rows(request, format, &body.bytes, &parameters).await {
            Ok(rows) => rows,
            Err(response) => return Ok(*response),
        };
        // On the heap: this future is large.
        Box::pin(self.append(rows, key.as_deref(), &body.bytes)).await
    }
}

impl BatchApi {
    async fn append(
        &self,
        rows: ValidatedRows,
        key: Option<&str>,
        body: &[u8],
    ) -> Result<PostBatchResponse, BatchUnavailable> {
        let Self(ingestion) = self;
        let keys = key.map(|key| ChunkKeys::new(key, body, ingestion.idempotency_ttl));
        match ingestion.append_rows(Receiver::Batch, &rows.batch, keys.as_ref()).await {
            Ok(appended) => Ok(accepted(rows, &appended, keys.is_some())),
            Err(NotAppended::KeyConflict) => {
                let error = idempotency_key::error(ErrorKind::KeyReused, key.unwrap_or_default());
                Ok(rejected(vec![error.into()], ValidatedRows::default()))
            }
            Err(NotAppended::BacklogFull(full)) => Err(BatchUnavailable::new(full)),
            Err(NotAppended::Interrupted { unavailable, appended, rows }) => {
                Err(BatchUnavailable::after(unavailable, &appended, rows))
            }
        }
    }
}

/// The parameters of a request.
struct Parameters {
    is_atomic: bool,
    max_errors: usize,
    /// Whether the request as a whole has a key.
    has_key: bool,
}

/// The parameters; or all errors of parameters and headers.
fn parameters(
    request: &Request,
    atomic: Checked<Atomic>,
    max_errors: Checked<MaxErrors>,
    key: Option<&str>,
) -> Result<Parameters, Vec<ValidationErrorItem>> {
    let mut errors = unknown_parameters(request, &["atomic", "max_errors"]);
    let is_atomic = atomic.0.map_err(|error| errors.push(error)).unwrap_or_default();
    let max_errors = max_errors.0.map_err(|error| errors.push(error)).unwrap_or_default();
    if let Some(key) = key.filter(|key| !is_key(key)) {
        errors.push(idempotency_key::error(ErrorKind::InvalidKey, key).into());
    }
    let parameters = Parameters { is_atomic, max_errors, has_key: key.is_some() };
    if errors.is_empty() { Ok(parameters) } else { Err(errors) }
}

/// The rows of a body of which some are to be appended; or the response.
async fn usable_rows(
    request: &Request,
    format: Format,
    body: &[u8],
    parameters: &Parameters,
) -> Result<ValidatedRows, Box<PostBatchResponse>> {
    let grant = request.extensions().get::<Grant>();
    let rows = match rows::validate(format, body, parameters.max_errors, grant).await {
        Ok(rows) => rows,
        Err(UnusableBody::TooManyRows) => return Err(too_many_rows().into()),
        Err(UnusableBody::Invalid(error)) => {
            METRICS.rejected(std::slice::from_ref(&error));
            receivers::of(Receiver::Batch).rejected("", error.kind.code(), 1);
            return Err(rejected(vec![error.into()], ValidatedRows::default()).into());
        }
    };
    METRICS.rejected_rows(&rows.reasons);
    receivers::of(Receiver::Batch).rejected_rows(rows.rejected, &rows.reasons);
    let readings = rows.batch.readings();
    METRICS.batch(rows.batch.rows());
    row_rate::add(request, rows.batch.rows()).map_err(|over| Box::new((*over).into()))?;
    if readings == 0 {
        return Err(rejected(vec![no_valid_row()], rows).into());
    }
    if parameters.has_key && rows.batch.has_keys() {
        return Err(rejected(vec![two_kinds_of_keys()], ValidatedRows::default()).into());
    }
    if parameters.is_atomic && rows.rejected > 0 {
        return Err(rejected(vec![all_or_nothing(rows.rejected)], rows).into());
    }
    Ok(rows)
}

fn accepted(mut rows: ValidatedRows, appended: &Appended, has_key: bool) -> PostBatchResponse {
    if !appended.conflicts.is_empty() {
        rows.reasons.clear();
        rows.reject_conflicts(&appended.conflicts);
        METRICS.rejected_rows(&rows.reasons);
        receivers::of(Receiver::Batch).rejected_rows(appended.conflicts.len(), &rows.reasons);
        if appended.readings == 0 {
            return rejected(vec![no_valid_row()], rows);
        }
    }
    let is_replayed = has_key.then_some(appended.replayed == appended.readings);
    // A repeated request gets the first response again, so the number is that of rows with keys of their own.
    let replayed = if has_key { 0 } else { appended.replayed };
    PostBatchResponse::Accepted(Json(BatchResult::new(rows, appended, replayed)), is_replayed)
}

fn rejected(errors: Vec<ValidationErrorItem>, rows: ValidatedRows) -> PostBatchResponse {
    PostBatchResponse::Invalid(Json(RejectedBatch::new(errors, rows)))
}

fn too_many_rows() -> PostBatchResponse {
    let detail = format!("A batch may have at most {MAX_ROWS} rows");
    PostBatchResponse::BodyTooLarge(Json(ErrorBody::new(ErrorCode::BodyTooLarge, detail)))
}

fn unsupported_type() -> PostBatchResponse {
    let detail = format!("The Content-Type of a batch is one of {MEDIA_TYPES}");
    let body = ErrorBody::new(ErrorCode::UnsupportedMediaType, detail);
    PostBatchResponse::Unsupported(Json(body), Some(MEDIA_TYPES.to_owned()), None)
}

impl From<OverRate> for PostBatchResponse {
    fn from(over: OverRate) -> Self {
        match over {
            OverRate::RateLimited(body, retry_after) => Self::RateLimited(Json(body), retry_after),
            OverRate::TooManyRows(body) => Self::BodyTooLarge(Json(body)),
        }
    }
}

impl From<BodyError> for PostBatchResponse {
    fn from(error: BodyError) -> Self {
        error.respond(&BodyResponses {
            incomplete: Self::BodyIncomplete,
            timed_out: Self::BodyTimeout,
            too_large: Self::BodyTooLarge,
            unsupported_coding: |body, codings| Self::Unsupported(body, None, Some(codings)),
        })
    }
}
