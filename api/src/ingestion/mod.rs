//! `POST /readings`: takes a reading into the stream.

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

pub use self::backlog_limit::Backlog;
pub use self::reading_body::ReadingBody;
use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::metrics::METRICS;
use crate::parameter::{Breach, Checked, Rule};
use crate::store_failure::{StoreOperation, unavailable};
use crate::tags::Topic;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The most bytes that an idempotency key may have.
const MAX_KEY_BYTES: usize = 255;

/// Documents the header; [`key_of`] reads it.
struct KeyInHeader;

impl Rule for KeyInHeader {
    type Value = ();

    const PLACE: [&'static str; 2] = ["header", IDEMPOTENCY_KEY];

    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(MAX_KEY_BYTES),
            pattern: Some("^[!-~]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn read(_text: Option<&str>) -> Result<(), Breach> {
        Ok(())
    }
}

/// The operations of the Ingestion API.
#[derive(Debug)]
pub struct IngestionApi {
    /// Where readings are taken into.
    pub stream: ReadingStream,
    /// How long idempotency keys are known at least.
    pub idempotency_ttl: Duration,
    /// Whether more readings are taken.
    pub backlog: Backlog,
}

/// What became of a reading that was accepted.
#[derive(Debug, Clone, Object)]
pub struct Accepted {
    status: AcceptedStatus,
    /// The id of its stream entry, `<milliseconds>-<sequence>`; the stored reading bears it too.
    stream_id: String,
}

#[derive(Debug, Clone, Enum)]
#[oai(rename_all = "lowercase")]
enum AcceptedStatus {
    Accepted,
}

#[derive(ApiResponse)]
enum Answer {
    /// The reading is in the stream; it is stored within moments.
    #[oai(status = 201)]
    Accepted(
        Json<Accepted>,
        /// Only where an `Idempotency-Key` was sent: whether it was known, so that this is the answer of
        /// the first time and nothing was added.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
    /// The body ended before it was complete, or its chunks are malformed.
    #[oai(status = 400)]
    Broken(Json<ErrorBody>),
    /// The body was not complete in time.
    #[oai(status = 408)]
    TooSlow(Json<ErrorBody>),
    /// The body is larger than a reading can be.
    #[oai(status = 413)]
    TooLarge(Json<ErrorBody>),
    /// The body is no reading; every error is named.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
    /// The store cannot take the reading now: nothing was accepted, try again.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

#[OpenApi(tag = "Topic::Ingestion")]
impl IngestionApi {
    /// Send one reading
    ///
    /// With the answer 201 the reading is in the stream and will be stored, whatever fails
    /// afterwards. Sending a reading twice stores it twice, unless both have the same
    /// `Idempotency-Key`: then the second gets the answer of the first, with `Idempotent-Replayed: true`.
    /// With a key a request whose outcome is unknown can be sent again.
    #[oai(path = "/readings", method = "post", operation_id = "post_reading")]
    async fn post_reading(
        &self,
        body: ReadingBody,
        request: &Request,
        /// A name for this reading, such as a UUID: 1 to 255 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Checked<KeyInHeader>>,
    ) -> Answer {
        let body = match body {
            ReadingBody::Complete(body) => body,
            ReadingBody::TooLarge => return Answer::TooLarge(Json(reading_body::too_large())),
            ReadingBody::TooSlow => return Answer::TooSlow(Json(reading_body::too_slow())),
            ReadingBody::Broken => return Answer::Broken(Json(reading_body::broken())),
            ReadingBody::NotJson(error) => return rejected(vec![error]),
        };
        let reading = match parse_reading(&body.bytes) {
            Ok(reading) => reading,
            Err(errors) => return rejected(errors),
        };
        if self.backlog.is_full() {
            METRICS.unavailable("backlog");
            return Answer::Unavailable(
                Json(backlog_limit::full()),
                backlog_limit::RETRY_AFTER_SECONDS,
            );
        }
        let answer = match key_of(request) {
            None => self.accept(&reading).await,
            // On the heap: it is large, and few requests have a key.
            Some(key) => Box::pin(self.accept_once(&reading, &key, &body.bytes)).await,
        };
        fail::fail_point!("ingestion-before-answer");
        answer
    }
}

impl IngestionApi {
    async fn accept(&self, reading: &Reading) -> Answer {
        match self.stream.append(reading, &ingestion_time(Utc::now())).await {
            Ok(id) => accepted(id, None),
            Err(error) => not_taken(&error),
        }
    }

    async fn accept_once(&self, reading: &Reading, key: &str, body: &[u8]) -> Answer {
        if !is_key(key) {
            return rejected(vec![key_error(ErrorKind::InvalidKey, key)]);
        }
        let (now, ttl) = (ingestion_time(Utc::now()), self.idempotency_ttl);
        match self
            .stream
            .append_idempotent(reading, &now, &IdempotencyKey::new(key, body), ttl)
            .await
        {
            Ok(IdempotentAppend::Appended(id)) => accepted(id, Some(false)),
            Ok(IdempotentAppend::Replayed(id)) => accepted(id, Some(true)),
            Ok(IdempotentAppend::KeyConflict) => {
                rejected(vec![key_error(ErrorKind::KeyReused, key)])
            }
            Err(error) => not_taken(&error),
        }
    }
}

/// The key as it was sent. (The framework's parameter passes over one that is no ASCII text, and over
/// all but the first, so that the sender would believe in a key that there is not.)
fn key_of(request: &Request) -> Option<String> {
    let sent = request.headers().get_all(IDEMPOTENCY_KEY).into_iter();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    sent.map(text).reduce(|first, second| format!("{first}, {second}"))
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn key_error(kind: ErrorKind, key: &str) -> ValidationError {
    ValidationError::new(Location::Header(IDEMPOTENCY_KEY), kind, &Value::from(key).to_string())
}

fn accepted(id: StreamId, is_replayed: Option<bool>) -> Answer {
    METRICS.accepted();
    let stream_id = id.to_string();
    Answer::Accepted(Json(Accepted { status: AcceptedStatus::Accepted, stream_id }), is_replayed)
}

fn not_taken(error: &StoreError) -> Answer {
    METRICS.unavailable(error.class.name());
    let (problem, retry_after) = unavailable(StoreOperation::AppendReading, error);
    Answer::Unavailable(Json(problem), retry_after)
}

fn rejected(errors: Vec<ValidationError>) -> Answer {
    METRICS.rejected(&errors);
    Answer::Invalid(Json(errors.into()))
}
