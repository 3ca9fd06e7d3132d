//! Dead letters: entries that cannot become readings, for an operator to look at and to decide.

use chrono::{DateTime, SecondsFormat};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, Object, OpenApi};
use readings::store::dead_letters::{KeptLetter, LetterPage};
use readings::store::stream::ReadingStream;
use readings::store::{StoreError, StreamId};
use tracing::{info, warn};

use crate::problem::{Problem, unavailable};
use crate::spec::Topic;

/// Letters that a page has unless another number is asked for.
const STANDARD_PAGE: u16 = 100;

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
    /// The entry's fields, in their order.
    fields: Vec<Field>,
}

impl From<KeptLetter> for DeadLetter {
    fn from(letter: KeptLetter) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let field = |(name, value)| Field { name: text(name), value: text(value) };
        Self {
            id: letter.id.to_string(),
            original_id: letter.original_id,
            reason: letter.reason,
            deliveries: letter.deliveries,
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
    /// The cursor is none.
    #[oai(status = 422)]
    Invalid(Json<Problem>),
    /// The store cannot be read now.
    #[oai(status = 503)]
    Unavailable(Json<Problem>),
}

#[derive(ApiResponse)]
enum RetryAnswer {
    /// The letter's entry is in the stream again.
    #[oai(status = 200)]
    Retried(Json<Retried>),
    /// There is no such letter.
    #[oai(status = 404)]
    NotFound(Json<Problem>),
    /// The store does not answer, or refuses. The letter may be in the stream again.
    #[oai(status = 503)]
    Unavailable(Json<Problem>),
}

#[derive(ApiResponse)]
enum DeleteAnswer {
    /// The letter is deleted.
    #[oai(status = 204)]
    Deleted,
    /// There is no such letter.
    #[oai(status = 404)]
    NotFound(Json<Problem>),
    /// The store does not answer, or refuses.
    #[oai(status = 503)]
    Unavailable(Json<Problem>),
}

#[OpenApi(tag = "Topic::Operations")]
impl DeadLettersApi {
    /// Entries that cannot become readings
    #[oai(path = "/pipeline/dead-letters", method = "get", operation_id = "get_dead_letters")]
    async fn list(
        &self,
        /// The most letters to answer; there are fewer on a page, but one at least, when they are large.
        #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
        limit: Query<Option<u16>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ListAnswer {
        let limit = usize::from(limit.0.unwrap_or(STANDARD_PAGE));
        let Ok(after) = cursor.0.map(|cursor| cursor.parse()).transpose() else {
            return ListAnswer::Invalid(Json(Problem::new("cursor must be a next_cursor")));
        };
        match self.stream.dead_letters(after, limit).await {
            Ok(letters) => ListAnswer::Letters(Json(page(letters))),
            Err(error) => ListAnswer::Unavailable(problem(&error)),
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
    async fn retry(&self, id: Path<String>) -> RetryAnswer {
        let Ok(id) = id.0.parse() else { return RetryAnswer::NotFound(no_letter()) };
        match self.stream.retry_dead_letter(id).await {
            Ok(Some(entry)) => {
                info!(letter = %id, %entry, "a dead letter is in the stream again");
                RetryAnswer::Retried(Json(Retried { stream_id: entry.to_string() }))
            }
            Ok(None) => RetryAnswer::NotFound(no_letter()),
            Err(error) => RetryAnswer::Unavailable(problem(&error)),
        }
    }

    /// Delete a dead letter for good
    #[oai(
        path = "/pipeline/dead-letters/:id",
        method = "delete",
        operation_id = "delete_dead_letter"
    )]
    async fn delete(&self, id: Path<String>) -> DeleteAnswer {
        let Ok(id) = id.0.parse() else { return DeleteAnswer::NotFound(no_letter()) };
        match self.stream.delete_dead_letter(id).await {
            Ok(true) => {
                info!(letter = %id, "a dead letter was deleted");
                DeleteAnswer::Deleted
            }
            Ok(false) => DeleteAnswer::NotFound(no_letter()),
            Err(error) => DeleteAnswer::Unavailable(problem(&error)),
        }
    }
}

fn page(LetterPage { letters, more }: LetterPage) -> DeadLetters {
    let next = letters.last().filter(|_| more).map(|letter| letter.id);
    DeadLetters {
        dead_letters: letters.into_iter().map(Into::into).collect(),
        next_cursor: next.map(|id| id.to_string()),
    }
}

fn no_letter() -> Json<Problem> {
    Json(Problem::new("There is no such dead letter"))
}

fn problem(error: &StoreError) -> Json<Problem> {
    warn!(%error, "dead letters cannot be reached");
    Json(unavailable(error).0)
}
