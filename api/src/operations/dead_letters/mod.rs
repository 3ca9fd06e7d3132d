//! Dead letters: entries that cannot become readings, for an operator to look at and to decide.

mod parameters;

use std::time::Instant;

use chrono::{DateTime, SecondsFormat};
use instrumentation::log_throttle::LogThrottle;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, Object, OpenApi};
use readings::store::dead_letters::{DeadLetterPage, StoredDeadLetter};
use readings::store::stream::ReadingStream;
use readings::store::{StoreError, StreamId};
use tracing::info;

use self::parameters::{Cursor, LetterId, PageLimit};
use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::error_code::ErrorCode;
use crate::parameter::{Checked, both};
use crate::store_failure::{StoreOperation, unavailable};
use crate::tags::Topic;

/// The dead letters of a stream.
#[derive(Debug)]
pub struct DeadLettersApi {
    /// The stream.
    pub stream: ReadingStream,
}

/// A field of an entry.
#[derive(Debug, Clone, Object)]
pub struct Field {
    name: String,
    /// Bytes that are no UTF-8 are replaced.
    value: String,
}

/// An entry that cannot become a reading.
#[derive(Debug, Clone, Object)]
pub struct DeadLetter {
    /// The letter's id.
    id: String,
    /// The id that the entry had in the stream.
    original_id: String,
    /// The rule that it breaks.
    reason: String,
    /// How often it was delivered to the consumer that gave it up.
    deliveries: u32,
    /// The consumer that gave it up.
    consumer: String,
    /// When: UTC, ISO 8601.
    time: String,
    /// The entry's fields, in their order: 64 KiB of them, a longer value with its length at its end.
    /// Putting it back takes all of it.
    fields: Vec<Field>,
}

impl From<StoredDeadLetter> for DeadLetter {
    fn from(letter: StoredDeadLetter) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let field = |(name, value)| Field { name: text(name), value: text(value) };
        Self {
            id: letter.id.to_string(),
            original_id: letter.original_id,
            reason: letter.reason,
            deliveries: letter.failures,
            consumer: letter.consumer,
            time: time(letter.id),
            fields: letter.fields.into_iter().map(field).collect(),
        }
    }
}

impl DeadLetter {
    /// The letter as one line of JSON.
    #[must_use]
    pub fn to_line(&self) -> String {
        self.to_json_string()
    }
}

fn time(id: StreamId) -> String {
    let time = i64::try_from(id.ms).ok().and_then(DateTime::from_timestamp_millis);
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default()
}

/// A page of dead letters.
#[derive(Debug, Clone, Object)]
pub struct DeadLetters {
    /// Oldest first.
    dead_letters: Vec<DeadLetter>,
    /// The `cursor` of the next page; not there on the last.
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A dead letter that is in the stream again.
#[derive(Debug, Clone, Object)]
pub struct Retried {
    /// The id of its new entry.
    stream_id: String,
}

#[derive(ApiResponse)]
enum ListAnswer {
    /// A page of dead letters.
    #[oai(status = 200)]
    Letters(Json<DeadLetters>),
    /// A parameter is not valid; every fault is named.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
    /// The store cannot be read now.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

#[derive(ApiResponse)]
enum RetryAnswer {
    /// The letter's entry is in the stream again.
    #[oai(status = 200)]
    Retried(Json<Retried>),
    /// There is no such letter.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The id is not UTF-8.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
    /// The store does not answer, or refuses. The letter may be in the stream again.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

#[derive(ApiResponse)]
enum DeleteAnswer {
    /// The letter is deleted.
    #[oai(status = 204)]
    Deleted,
    /// There is no such letter.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The id is not UTF-8.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
    /// The store does not answer, or refuses.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

#[OpenApi(tag = "Topic::Operations")]
impl DeadLettersApi {
    /// Entries that cannot become readings
    ///
    /// In pages, oldest first, each with the rule that it breaks.
    #[oai(path = "/pipeline/dead-letters", method = "get", operation_id = "get_dead_letters")]
    async fn list(
        &self,
        /// The most letters to answer; there are fewer on a page, but one at least, when they are large.
        limit: Query<Checked<PageLimit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Checked<Cursor>>,
    ) -> ListAnswer {
        let (limit, after) = match both(limit.0.0, cursor.0.0) {
            Ok(parameters) => parameters,
            Err(problem) => return ListAnswer::Invalid(Json(problem)),
        };
        match self.stream.dead_letters(after, limit).await {
            Ok(letters) => ListAnswer::Letters(Json(page(letters))),
            Err(error) => {
                let (problem, retry_after) = unreachable(StoreOperation::ListDeadLetters, &error);
                ListAnswer::Unavailable(problem, retry_after)
            }
        }
    }

    /// Put a dead letter's entry back into the stream
    ///
    /// As a new entry, and the letter is gone; if it fails again there will be another.
    #[oai(
        path = "/pipeline/dead-letters/:id/retry",
        method = "post",
        operation_id = "retry_dead_letter"
    )]
    async fn retry(
        &self,
        /// The letter's id.
        id: Path<Checked<LetterId>>,
    ) -> RetryAnswer {
        let id = match id.0.0 {
            Ok(Some(id)) => id,
            Ok(None) => return RetryAnswer::NotFound(no_letter()),
            Err(fault) => return RetryAnswer::Invalid(Json(fault.into())),
        };
        match self.stream.retry_dead_letter(id).await {
            Ok(Some(entry)) => {
                static THROTTLE: LogThrottle = LogThrottle::new();
                if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                    info!(letter = %id, %entry, suppressed, "a dead letter is in the stream again");
                }
                RetryAnswer::Retried(Json(Retried { stream_id: entry.to_string() }))
            }
            Ok(None) => RetryAnswer::NotFound(no_letter()),
            Err(error) => {
                let (problem, retry_after) = unreachable(StoreOperation::ChangeDeadLetters, &error);
                RetryAnswer::Unavailable(problem, retry_after)
            }
        }
    }

    /// Delete a dead letter for good
    ///
    /// Its entry is not stored, and cannot be put back any more.
    #[oai(
        path = "/pipeline/dead-letters/:id",
        method = "delete",
        operation_id = "delete_dead_letter"
    )]
    async fn delete(
        &self,
        /// The letter's id.
        id: Path<Checked<LetterId>>,
    ) -> DeleteAnswer {
        let id = match id.0.0 {
            Ok(Some(id)) => id,
            Ok(None) => return DeleteAnswer::NotFound(no_letter()),
            Err(fault) => return DeleteAnswer::Invalid(Json(fault.into())),
        };
        match self.stream.delete_dead_letter(id).await {
            Ok(true) => {
                static THROTTLE: LogThrottle = LogThrottle::new();
                if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                    info!(letter = %id, suppressed, "a dead letter was deleted");
                }
                DeleteAnswer::Deleted
            }
            Ok(false) => DeleteAnswer::NotFound(no_letter()),
            Err(error) => {
                let (problem, retry_after) = unreachable(StoreOperation::ChangeDeadLetters, &error);
                DeleteAnswer::Unavailable(problem, retry_after)
            }
        }
    }
}

fn page(DeadLetterPage { letters, has_more }: DeadLetterPage) -> DeadLetters {
    let next = letters.last().filter(|_| has_more).map(|letter| letter.id);
    DeadLetters {
        dead_letters: letters.into_iter().map(Into::into).collect(),
        next_cursor: next.map(|id| id.to_string()),
    }
}

fn no_letter() -> Json<ErrorBody> {
    Json(ErrorBody::new(ErrorCode::DeadLetterNotFound, "There is no such dead letter"))
}

fn unreachable(operation: StoreOperation, error: &StoreError) -> (Json<ErrorBody>, u64) {
    let (problem, retry_after) = unavailable(operation, error);
    (Json(problem), retry_after)
}
