//! `POST /readings`: validates a reading and appends it to the stream.

mod backlog_limit;
mod reading_body;
mod timestamp_pattern;

use std::time::Duration;

use chrono::Utc;
use poem::Request;
use poem::http::HeaderValue;
use poem_openapi::param::Header;
use poem_openapi::payload::Json;
use poem_openapi::registry::MetaSchema;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use readings::Reading;
use readings::store::codec::ingestion_time;
use readings::store::idempotency::{IdempotencyKey, IdempotentAppend};
use readings::store::stream::ReadingStream;
use readings::store::{StoreError, StreamId};
use readings::validation::{ErrorKind, Location, ValidationError, parse_reading};
use serde_json::Value;

pub use self::backlog_limit::BacklogLimit;
use self::reading_body::BodyError;
pub use self::reading_body::ReadingBody;
use crate::api_tag::ApiTag;
use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::metrics::METRICS;
use crate::parameter::{Checked, Parameter, ParameterError};
use crate::store_failure::{ServiceUnavailable, StoreOperation};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The longest idempotency key. Too low and keys of usual libraries are rejected; too high and one request stores
/// a large key in Redis.
const MAX_KEY_BYTES: usize = 255;

/// Documents the header; [`idempotency_key`] reads it.
struct IdempotencyKeyHeader;

impl Parameter for IdempotencyKeyHeader {
    type Value = ();

    const LOCATION: [&'static str; 2] = ["header", IDEMPOTENCY_KEY];

    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(MAX_KEY_BYTES),
            pattern: Some("^[!-~]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn parse(_text: Option<&str>) -> Result<(), ParameterError> {
        Ok(())
    }
}

/// The operations of the Ingestion API.
#[derive(Debug)]
pub struct IngestionApi {
    /// The stream that readings are appended to.
    pub stream: ReadingStream,
    /// How long idempotency keys are kept at least.
    pub idempotency_ttl: Duration,
    /// Above it readings are not accepted.
    pub backlog: BacklogLimit,
}

/// An accepted reading.
#[derive(Debug, Clone, Object)]
pub struct Accepted {
    status: AcceptedStatus,
    /// The id of its stream entry, `<milliseconds>-<sequence>`; the stored reading has the same.
    stream_id: String,
}

#[derive(Debug, Clone, Enum)]
#[oai(rename_all = "lowercase")]
enum AcceptedStatus {
    Accepted,
}

#[derive(ApiResponse)]
enum PostReadingResponse {
    /// The reading is in the stream, and will be stored.
    #[oai(status = 201)]
    Accepted(
        Json<Accepted>,
        /// Only with an `Idempotency-Key`: true when the key was known, so that nothing was appended and this is
        /// the first response again.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
    /// The body ended before it was complete, or its chunks are malformed.
    #[oai(status = 400)]
    BodyIncomplete(Json<ErrorBody>),
    /// The body did not arrive completely in time.
    #[oai(status = 408)]
    BodyTimeout(Json<ErrorBody>),
    /// The body is larger than a reading can be.
    #[oai(status = 413)]
    BodyTooLarge(Json<ErrorBody>),
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
        let body = match body {
            ReadingBody::Complete(body) => body,
            ReadingBody::Failed(error) => return Ok(error.into()),
            ReadingBody::NotJson(error) => return Ok(invalid(vec![error])),
        };
        let reading = match parse_reading(&body.bytes) {
            Ok(reading) => reading,
            Err(errors) => return Ok(invalid(errors)),
        };
        // After validation: a client with an invalid reading should not wait for a shorter backlog.
        if self.backlog.is_reached() {
            METRICS.unavailable("backlog");
            let retry_after = backlog_limit::RETRY_AFTER_SECONDS;
            return Err(ServiceUnavailable::new(backlog_limit::backlog_full(), retry_after));
        }
        let response = match idempotency_key(request) {
            None => self.append(&reading).await,
            // On the heap: this future is large, and few requests have a key.
            Some(key) => Box::pin(self.append_idempotent(&reading, &key, &body.bytes)).await,
        };
        fail::fail_point!("ingestion-before-answer");
        response
    }
}

impl IngestionApi {
    async fn append(&self, reading: &Reading) -> PostReadingResult {
        let appended = self.stream.append(reading, &ingestion_time(Utc::now())).await;
        let id = appended.map_err(|error| append_failed(&error))?;
        Ok(accepted(id, None))
    }

    async fn append_idempotent(
        &self,
        reading: &Reading,
        key: &str,
        body: &[u8],
    ) -> PostReadingResult {
        if !is_valid_key(key) {
            return Ok(invalid(vec![key_error(ErrorKind::InvalidKey, key)]));
        }
        let (now, ttl) = (ingestion_time(Utc::now()), self.idempotency_ttl);
        let key_and_body = IdempotencyKey::new(key, body);
        let appended = self.stream.append_idempotent(reading, &now, &key_and_body, ttl).await;
        Ok(match appended.map_err(|error| append_failed(&error))? {
            IdempotentAppend::Appended(id) => accepted(id, Some(false)),
            IdempotentAppend::Replayed(id) => accepted(id, Some(true)),
            IdempotentAppend::KeyConflict => invalid(vec![key_error(ErrorKind::KeyReused, key)]),
        })
    }
}

/// The header as it was sent, several joined as RFC 9110 (5.3) has it.
///
/// Not the framework's parameter: that ignores a header that is not ASCII, and all but the first, so that a
/// sender would rely on a key that was never used.
fn idempotency_key(request: &Request) -> Option<String> {
    let sent = request.headers().get_all(IDEMPOTENCY_KEY).into_iter();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    sent.map(text).reduce(|first, second| format!("{first}, {second}"))
}

fn is_valid_key(key: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn key_error(kind: ErrorKind, key: &str) -> ValidationError {
    ValidationError::new(Location::Header(IDEMPOTENCY_KEY), kind, &Value::from(key).to_string())
}

fn accepted(id: StreamId, is_replayed: Option<bool>) -> PostReadingResponse {
    METRICS.accepted();
    let accepted = Accepted { status: AcceptedStatus::Accepted, stream_id: id.to_string() };
    PostReadingResponse::Accepted(Json(accepted), is_replayed)
}

fn append_failed(error: &StoreError) -> ServiceUnavailable {
    METRICS.unavailable(error.class.name());
    ServiceUnavailable::from_store(StoreOperation::AppendReading, error)
}

fn invalid(errors: Vec<ValidationError>) -> PostReadingResponse {
    METRICS.rejected(&errors);
    PostReadingResponse::Invalid(Json(errors.into()))
}

impl From<BodyError> for PostReadingResponse {
    fn from(error: BodyError) -> Self {
        let body = Json(error.body());
        match error {
            BodyError::Incomplete => Self::BodyIncomplete(body),
            BodyError::TimedOut => Self::BodyTimeout(body),
            BodyError::TooLarge => Self::BodyTooLarge(body),
        }
    }
}
