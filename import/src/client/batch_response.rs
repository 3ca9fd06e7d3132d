//! Classifies the response to a batch request: the outcome of each of its rows, or what to do instead.

use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::response::{ReceivedResponse, RetryableFailure, UnexpectedResponse, receive};
use crate::tracking::row_outcome::Reason;

/// The most rows of a request: the service appends as many in one step, so that after a failure all of them are accepted
/// or none, and it lists the errors of as many.
pub const MAX_BATCH_SIZE: u16 = 1_000;

/// The most bytes of a response that are read. Too low: the errors of a batch are lost. Too high: an endless response
/// fills the memory.
const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

/// A final response to a batch.
#[derive(Debug, PartialEq)]
pub enum BatchResponse {
    /// Each row is accepted or rejected.
    Settled(SettledBatch),
    /// The request is too large for the service, its rate limit or a gateway; nothing was accepted.
    TooLarge,
    /// The service has read fewer rows than were sent; those may have been accepted.
    CutOff,
    /// The service has no batches.
    Unsupported,
    /// A response that an Ingestion API does not send.
    Unexpected(UnexpectedResponse),
}

/// The rows of a batch that were accepted and rejected.
#[derive(Debug, PartialEq, Deserialize)]
pub struct SettledBatch {
    accepted: usize,
    rejected: usize,
    /// Number of accepted rows that were accepted before; `None` of a service that does not know keys of rows.
    pub replayed: Option<u64>,
    /// The rejected rows.
    pub errors: Vec<RejectedRow>,
    /// The id of the request in the service's log.
    pub request_id: Option<String>,
}

/// A rejected row.
#[derive(Debug, PartialEq, Deserialize)]
pub struct RejectedRow {
    /// Its position in the batch, from 0.
    pub index: usize,
    /// Why.
    #[serde(rename = "detail")]
    pub reasons: Vec<Reason>,
}

/// The part of a 503 that says what was accepted.
#[derive(Deserialize)]
struct WithProgress {
    progress: Option<serde::de::IgnoredAny>,
}

/// Classifies the response to a batch of this many rows.
///
/// # Errors
/// When the batch should be retried: the service or a gateway is overloaded or unavailable.
pub async fn classify_batch(
    response: Response,
    rows: usize,
) -> Result<BatchResponse, RetryableFailure> {
    let received = receive(response, MAX_RESPONSE_BYTES).await?;
    match received.status {
        StatusCode::OK | StatusCode::UNPROCESSABLE_ENTITY => Ok(received.settled(rows)),
        StatusCode::PAYLOAD_TOO_LARGE => Ok(BatchResponse::TooLarge),
        StatusCode::BAD_REQUEST if received.is_cut_off() => Ok(BatchResponse::TooLarge),
        StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::NOT_IMPLEMENTED => Ok(BatchResponse::Unsupported),
        _ => match received.retryable_failure() {
            Some(failure) => Err(received.with_progress(failure)),
            None => Ok(BatchResponse::Unexpected(received.unexpected())),
        },
    }
}

impl ReceivedResponse {
    fn settled(&self, rows: usize) -> BatchResponse {
        let Ok(settled) = serde_json::from_slice::<SettledBatch>(&self.body) else {
            return BatchResponse::Unexpected(self.unexpected());
        };
        let SettledBatch { accepted, rejected, errors, .. } = &settled;
        // The request as a whole is invalid for this service, such as for one that lists no more than 100 errors.
        if *accepted + *rejected == 0 {
            return BatchResponse::Unsupported;
        }
        let is_complete = accepted + rejected == rows
            && errors.len() == *rejected
            && errors.iter().all(|error| error.index < rows);
        if is_complete { BatchResponse::Settled(settled) } else { BatchResponse::CutOff }
    }

    /// Whether the service has not received the whole body, of which it accepts nothing then.
    fn is_cut_off(&self) -> bool {
        self.error_body().and_then(|body| body.code).as_deref() == Some("body_incomplete")
    }

    /// A part of the batch was accepted if the response says so.
    fn with_progress(&self, failure: RetryableFailure) -> RetryableFailure {
        let body = serde_json::from_slice::<WithProgress>(&self.body);
        let has_progress = body.is_ok_and(|body| body.progress.is_some());
        let may_be_accepted = failure.may_be_accepted || has_progress;
        RetryableFailure { may_be_accepted, ..failure }
    }
}
