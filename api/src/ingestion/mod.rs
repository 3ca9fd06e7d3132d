//! `POST /readings`: validates a reading and appends it to the stream; [`batch`] does so for many.
//!
//! | module | what it owns |
//! |---|---|
//! | [`batch`] | `POST /readings/batch` |
//! | [`line_protocol`] | `POST /api/v2/write` and `/write` |
//! | [`remote_write`] | `POST /api/v1/write` |
//! | `reading_body` | the body of a reading |
//! | `accepted` | the body of the response to it |
//! | [`reading_route`] | the direct way to `POST /readings` |
//! | `content_type` | its media type |
//! | `received_body`, `content_coding` | receiving and decoding a body within limits |
//! | `many_readings` | the limits of bodies with many readings |
//! | `idempotency_key` | the header `Idempotency-Key` |
//! | `append`, `received_rows` | appending the readings of one request; what receivers share |
//! | `row_rate` | the rows of a request in rate limits |
//! | `backlog_limit` | whether the backlog is full |
//! | `timestamp_pattern` | timestamps in the OpenAPI document |

mod accepted;
mod append;
mod backlog_limit;
pub mod batch;
mod content_coding;
mod content_type;
mod idempotency_key;
pub mod line_protocol;
mod many_readings;
mod reading_body;
pub(crate) mod reading_route;
mod received_body;
mod received_rows;
pub mod remote_write;
mod row_rate;
mod timestamp_pattern;

use std::time::Duration;

use chrono::Utc;
use poem::Request;
use poem_openapi::param::Header;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use readings::Reading;
use readings::store::codec::ingestion_time;
use readings::store::idempotency::{IdempotencyKey, IdempotentAppend};
use readings::store::receivers::{self, Receiver};
use readings::store::stream::StreamPartitions;
use readings::store::{StoreError, StreamId};
use readings::validation::{ErrorKind, ValidationError, is_key, parse_reading};

use self::accepted::AcceptedBody;
pub use self::backlog_limit::BacklogLimit;
use self::idempotency_key::IdempotencyKeyHeader;
use self::reading_body::ReadingBody;
use self::received_body::{BodyError, BodyResponses};
use crate::access::{Grant, check_site};
use crate::api_tag::ApiTag;
use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::metrics::METRICS;
use crate::parameter::Checked;
use crate::store_failure::{ServiceUnavailable, StoreOperation};

/// The operations of the Ingestion API.
#[derive(Debug, Clone)]
pub struct IngestionApi {
    /// The partitions that readings are appended to.
    pub partitions: StreamPartitions,
    /// How long idempotency keys are kept at least.
    pub idempotency_ttl: Duration,
    /// Above it readings are not accepted.
    pub backlog: BacklogLimit,
}

#[derive(ApiResponse)]
enum PostReadingResponse {
    /// The reading is in the stream, and will be stored.
    #[oai(status = 201)]
    Accepted(
        AcceptedBody,
        /// Only with an `Idempotency-Key`: true when the key was known, so that nothing was appended and this is
        /// the first response again.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
    /// The body ended before it was complete, its chunks are malformed, or it is not what its `Content-Encoding` says.
    #[oai(status = 400)]
    BodyIncomplete(Json<ErrorBody>),
    /// The API key does not permit the reading's site (`site_forbidden`) or sending readings (`scope_missing`), or a
    /// web page of another origin sent the request; nothing was stored.
    #[oai(status = 403)]
    SiteForbidden(Json<ErrorBody>),
    /// The body did not arrive completely in time.
    #[oai(status = 408)]
    BodyTimeout(Json<ErrorBody>),
    /// The body is larger than a reading can be.
    #[oai(status = 413)]
    BodyTooLarge(Json<ErrorBody>),
    /// The body has another coding than gzip, deflate or zstd, or several.
    #[oai(status = 415)]
    UnsupportedCoding(
        Json<ErrorBody>,
        /// The codings.
        #[oai(header = "Accept-Encoding")]
        String,
    ),
    /// The body is not a valid reading; every validation error is listed.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

type PostReadingResult = Result<PostReadingResponse, ServiceUnavailable>;

#[OpenApi(tag = "ApiTag::Ingestion")]
impl IngestionApi {
    /// Send one reading
    ///
    /// After a 201 the reading is in the stream and will be stored, whatever fails afterwards. A reading that is
    /// sent twice is stored twice, unless both requests have the same `Idempotency-Key`: then the second gets the
    /// response of the first, with `Idempotent-Replayed: true`. With a key a request can be repeated when its
    /// outcome is unknown (`code` is `outcome_unknown`).
    #[oai(path = "/readings", method = "post", operation_id = "post_reading")]
    async fn post_reading(
        &self,
        body: ReadingBody,
        request: &Request,
        /// A key of this reading, such as a UUID: 1 to 255 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Checked<IdempotencyKeyHeader>>,
    ) -> PostReadingResult {
        self.accept(body, request).await
    }
}

impl IngestionApi {
    /// Accepts a reading, or says why not.
    async fn accept(&self, body: ReadingBody, request: &Request) -> PostReadingResult {
        let body = match body {
            ReadingBody::Complete(body) => body,
            ReadingBody::Failed(error) => return Ok(error.into()),
            ReadingBody::NotJson(error) => return Ok(invalid(vec![error])),
        };
        let reading = match parse_reading(&body.bytes) {
            Ok(reading) => reading,
            Err(errors) => return Ok(invalid(errors)),
        };
        if let Some(forbidden) = forbidden_site(request, &reading) {
            return Ok(PostReadingResponse::SiteForbidden(Json(forbidden)));
        }
        // After validation: a client with an invalid reading should not wait for a shorter backlog.
        if self.backlog.is_reached() {
            METRICS.unavailable("backlog", 1);
            let retry_after = backlog_limit::RETRY_AFTER_SECONDS;
            return Err(ServiceUnavailable::new(backlog_limit::backlog_full(), retry_after));
        }
        let response = match idempotency_key::sent(request) {
            None => self.append(&reading).await,
            // On the heap: this future is large, and few requests have a key.
            Some(key) => Box::pin(self.append_idempotent(&reading, &key, &body.bytes)).await,
        };
        fail::fail_point!("ingestion-before-answer");
        response
    }

    async fn append(&self, reading: &Reading) -> PostReadingResult {
        let appended = self.partitions.append(reading, &ingestion_time(Utc::now())).await;
        let id = appended.map_err(|error| append_failed(&error))?;
        Ok(accepted(id, None))
    }

    async fn append_idempotent(
        &self,
        reading: &Reading,
        key: &str,
        body: &[u8],
    ) -> PostReadingResult {
        if !is_key(key) {
            return Ok(invalid(vec![idempotency_key::error(ErrorKind::InvalidKey, key)]));
        }
        let (now, ttl) = (ingestion_time(Utc::now()), self.idempotency_ttl);
        let key_and_body = IdempotencyKey::new(key, body);
        let appended = self.partitions.append_idempotent(reading, &now, &key_and_body, ttl).await;
        Ok(match appended.map_err(|error| append_failed(&error))? {
            IdempotentAppend::Appended(id) => accepted(id, Some(false)),
            IdempotentAppend::Replayed(id) => accepted(id, Some(true)),
            IdempotentAppend::KeyConflict => {
                invalid(vec![idempotency_key::error(ErrorKind::KeyReused, key)])
            }
        })
    }
}

/// The error of a reading whose site the request's key does not permit.
fn forbidden_site(request: &Request, reading: &Reading) -> Option<ErrorBody> {
    let grant = request.extensions().get::<Grant>()?;
    let rejection = check_site(grant, reading.site_id.as_str()).err()?;
    receivers::of(Receiver::Readings).rejected(reading.device_id.as_str(), "site_forbidden", 1);
    Some(rejection.body(request.uri().path()))
}

fn accepted(id: StreamId, is_replayed: Option<bool>) -> PostReadingResponse {
    METRICS.accepted(1);
    receivers::of(Receiver::Readings).accepted(1, usize::from(is_replayed == Some(true)));
    PostReadingResponse::Accepted(AcceptedBody(id), is_replayed)
}

fn append_failed(error: &StoreError) -> ServiceUnavailable {
    METRICS.unavailable(error.class.name(), 1);
    ServiceUnavailable::from_store(StoreOperation::AppendReading, error)
}

fn invalid(errors: Vec<ValidationError>) -> PostReadingResponse {
    METRICS.rejected(&errors);
    if let Some(error) = errors.first() {
        receivers::of(Receiver::Readings).rejected("", error.kind.code(), 1);
    }
    PostReadingResponse::Invalid(Json(errors.into()))
}

impl From<BodyError> for PostReadingResponse {
    fn from(error: BodyError) -> Self {
        error.respond(&BodyResponses {
            incomplete: Self::BodyIncomplete,
            timed_out: Self::BodyTimeout,
            too_large: Self::BodyTooLarge,
            unsupported_coding: Self::UnsupportedCoding,
        })
    }
}
