//! Dead letters: entries that cannot be processed, for an operator to retry or to delete.

mod parameters;

use std::time::Instant;

use chrono::{DateTime, SecondsFormat};
use instrumentation::log_throttle::LogThrottle;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, Object, OpenApi};
use readings::store::dead_letters::{Retried as Outcome, StoredDeadLetter};
use readings::store::stream::every_partition::dead_letters::DeadLetterList;
use readings::store::stream::{EntryId, StreamPartitions};
use readings::store::{StoreError, StreamId};
use tracing::info;

use self::parameters::{Cursor, DeadLetterId, PageLimit};
use crate::api_tag::ApiTag;
use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::error_code::ErrorCode;
use crate::parameter::{Checked, both};
use crate::store_failure::{ServiceUnavailable, StoreOperation};

/// The dead letters of a stream.
#[derive(Debug)]
pub struct DeadLettersApi {
    /// Its partitions.
    pub partitions: StreamPartitions,
}

/// A field of an entry.
#[derive(Debug, Clone, Object)]
pub struct Field {
    name: String,
    /// Bytes that are not UTF-8 are replaced.
    value: String,
}

/// An entry that cannot be processed.
#[derive(Debug, Clone, Object)]
pub struct DeadLetter {
    /// The id of the dead letter: a stream id, behind the number of its partition where the stream has several
    /// (`3:1705314600000-0`).
    id: String,
    /// The id that the entry had in the stream of its partition; empty for a row that a receiver rejected, which never was an entry.
    original_id: String,
    /// The receiver that rejected a row. Absent for an entry.
    #[oai(skip_serializing_if_is_none)]
    receiver: Option<String>,
    /// The rule that the entry breaks.
    reason: String,
    // The name is older than its meaning; clients know it.
    /// How often its processing failed; 1 for an entry that cannot be decoded.
    deliveries: u32,
    /// The consumer that dead-lettered it.
    consumer: String,
    /// The time of that: UTC, ISO 8601.
    time: String,
    /// The fields of the entry, in order, truncated at 64 KiB in all; a truncated value ends with its length. A retry
    /// appends the whole entry. Of a rejected row there is one field, `row`: the row as it was sent, 2 KiB of it.
    fields: Vec<Field>,
}

impl From<(EntryId, StoredDeadLetter)> for DeadLetter {
    fn from((id, stored): (EntryId, StoredDeadLetter)) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let field = |(name, value)| Field { name: text(name), value: text(value) };
        Self {
            id: id.to_string(),
            original_id: stored.original_id,
            receiver: stored.receiver,
            reason: stored.reason,
            deliveries: stored.failures,
            consumer: stored.consumer,
            time: time(stored.id),
            fields: stored.fields.into_iter().map(field).collect(),
        }
    }
}

impl DeadLetter {
    /// The dead letter as one line of JSON.
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
    /// The `cursor` of the next page; absent on the last page.
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A dead letter whose entry is in the stream again.
#[derive(Debug, Clone, Object)]
pub struct Retried {
    /// The id of its new entry.
    stream_id: String,
}

#[derive(ApiResponse)]
enum ListResponse {
    /// A page of dead letters.
    #[oai(status = 200)]
    DeadLetters(Json<DeadLetters>),
    /// A parameter is invalid; every validation error is listed.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[derive(ApiResponse)]
enum RetryResponse {
    /// The entry of the dead letter is in the stream again.
    #[oai(status = 200)]
    Retried(Json<Retried>),
    /// Dead letter not found.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The dead letter is a row that a receiver rejected, and no entry.
    #[oai(status = 409)]
    NotAnEntry(Json<ErrorBody>),
    /// The id is not UTF-8.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[derive(ApiResponse)]
enum DeleteResponse {
    /// The dead letter is deleted.
    #[oai(status = 204)]
    Deleted,
    /// Dead letter not found.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The id is not UTF-8.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[OpenApi(tag = "ApiTag::Operations")]
impl DeadLettersApi {
    /// List dead letters
    ///
    /// In pages, oldest first, each with the rule that its entry breaks; of all partitions of the stream.
    #[oai(path = "/pipeline/dead-letters", method = "get", operation_id = "get_dead_letters")]
    async fn list(
        &self,
        /// The longest page. A page of large dead letters is shorter, but has one at least.
        limit: Query<Checked<PageLimit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Checked<Cursor>>,
    ) -> Result<ListResponse, ServiceUnavailable> {
        let (limit, after) = match both(limit.0.0, cursor.0.0) {
            Ok(parameters) => parameters,
            Err(errors) => return Ok(ListResponse::Invalid(Json(errors))),
        };
        let listed = self.partitions.dead_letters(after, limit).await;
        let listed = listed.map_err(|error| failed(StoreOperation::ListDeadLetters, &error))?;
        Ok(ListResponse::DeadLetters(Json(page(listed))))
    }

    /// Retry a dead letter
    ///
    /// Appends its entry to the stream as a new entry and deletes the dead letter. If the entry fails again, it is
    /// dead-lettered again. A row that a receiver rejected cannot be retried (409). After a 503 with the code `outcome_unknown` it may be in the stream.
    #[oai(
        path = "/pipeline/dead-letters/:id/retry",
        method = "post",
        operation_id = "retry_dead_letter"
    )]
    async fn retry(
        &self,
        /// The id of the dead letter.
        id: Path<Checked<DeadLetterId>>,
    ) -> Result<RetryResponse, ServiceUnavailable> {
        let id = match id.0.0 {
            Ok(Some(id)) => id,
            Ok(None) => return Ok(RetryResponse::NotFound(not_found())),
            Err(error) => return Ok(RetryResponse::Invalid(Json(error.into()))),
        };
        let retried = self.partitions.retry_dead_letter(id).await;
        let retried = retried.map_err(|error| failed(StoreOperation::ChangeDeadLetters, &error))?;
        Ok(match retried {
            Outcome::Entry(entry) => {
                log_retried(id, entry);
                RetryResponse::Retried(Json(Retried { stream_id: entry.to_string() }))
            }
            Outcome::NotFound => RetryResponse::NotFound(not_found()),
            Outcome::NotAnEntry => RetryResponse::NotAnEntry(not_an_entry()),
        })
    }

    /// Delete a dead letter
    ///
    /// Its entry is not stored, and can no longer be retried.
    #[oai(
        path = "/pipeline/dead-letters/:id",
        method = "delete",
        operation_id = "delete_dead_letter"
    )]
    async fn delete(
        &self,
        /// The id of the dead letter.
        id: Path<Checked<DeadLetterId>>,
    ) -> Result<DeleteResponse, ServiceUnavailable> {
        let id = match id.0.0 {
            Ok(Some(id)) => id,
            Ok(None) => return Ok(DeleteResponse::NotFound(not_found())),
            Err(error) => return Ok(DeleteResponse::Invalid(Json(error.into()))),
        };
        let deleted = self.partitions.delete_dead_letter(id).await;
        if !deleted.map_err(|error| failed(StoreOperation::ChangeDeadLetters, &error))? {
            return Ok(DeleteResponse::NotFound(not_found()));
        }
        log_deleted(id);
        Ok(DeleteResponse::Deleted)
    }
}

fn log_retried(id: EntryId, entry: StreamId) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        info!(dead_letter_id = %id, %entry, suppressed, "a dead letter was retried");
    }
}

fn log_deleted(id: EntryId) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        info!(dead_letter_id = %id, suppressed, "a dead letter was deleted");
    }
}

fn page(DeadLetterList { dead_letters, has_more }: DeadLetterList) -> DeadLetters {
    let last = dead_letters.last().filter(|_| has_more).map(|(id, _)| *id);
    DeadLetters {
        dead_letters: dead_letters.into_iter().map(Into::into).collect(),
        next_cursor: last.map(|id| id.to_string()),
    }
}

fn not_found() -> Json<ErrorBody> {
    Json(ErrorBody::new(ErrorCode::DeadLetterNotFound, "Dead letter not found"))
}

fn not_an_entry() -> Json<ErrorBody> {
    let detail = "A row that a receiver rejected is no entry: correct its sender or the mapping, and delete it";
    Json(ErrorBody::new(ErrorCode::DeadLetterNotRetryable, detail))
}

fn failed(operation: StoreOperation, error: &StoreError) -> ServiceUnavailable {
    ServiceUnavailable::from_store(operation, error)
}
