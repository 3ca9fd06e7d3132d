//! Classifies a response: the outcome of its row, or a failure that is retried.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use crate::tracking::row_outcome::{FailureKind, Reason, RowFailure};

/// The most bytes of a response that are read. Too low: reasons are lost. Too high: an endless response fills the
/// memory.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The longest `Retry-After` that is respected; `--retry-for` bounds it further, and cannot be longer.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The `code` of a response after which the reading may have been accepted.
const OUTCOME_UNKNOWN: &str = "outcome_unknown";

/// `true` if an earlier request with the row's `Idempotency-Key` was accepted.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A final response: the row is not retried.
#[derive(Debug, PartialEq)]
pub enum ServiceResponse {
    /// The reading is in the stream.
    Accepted {
        /// Whether it was before this request; `None` of a service without keys.
        is_replayed: Option<bool>,
    },
    /// The row is not a valid reading.
    Rejected(RowFailure),
    /// A response that an Ingestion API does not send.
    Unexpected(UnexpectedResponse),
}

/// A response that an Ingestion API does not send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnexpectedResponse {
    /// The status.
    pub status: StatusCode,
    /// The response as a sentence.
    pub reason: String,
    /// The `code` of the error body; gateways send none.
    pub code: Option<String>,
    /// `Location` of a redirect.
    pub location: Option<String>,
    /// The id of the request in the service's log.
    pub request_id: Option<String>,
}

/// A failed attempt that may be followed by another.
#[derive(Debug, PartialEq, Eq)]
pub struct RetryableFailure {
    /// What went wrong.
    pub reason: String,
    /// `Retry-After` of the response.
    pub retry_after: Option<Duration>,
    /// Whether the row may have been accepted all the same.
    pub may_be_accepted: bool,
    /// The id of the request in the service's log.
    pub request_id: Option<String>,
}

/// A response whose body was read.
pub(super) struct ReceivedResponse {
    pub status: StatusCode,
    headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct AcceptedBody<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
}

/// The service's error body. That of an older release, like that of other services, has only `detail`.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    detail: Detail,
    pub code: Option<String>,
    request_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Detail {
    ValidationErrors(Vec<Reason>),
    Sentence(String),
}

/// Classifies a response.
///
/// # Errors
/// When the row should be retried: the service or a gateway is overloaded or unavailable.
pub async fn classify(response: Response) -> Result<ServiceResponse, RetryableFailure> {
    let is_replayed = response.headers().get(REPLAYED).map(|value| value == "true");
    let received = receive(response, MAX_RESPONSE_BYTES).await?;
    if received.is_accepted() {
        return Ok(ServiceResponse::Accepted { is_replayed });
    }
    if let Some(failure) = received.retryable_failure() {
        return Err(failure);
    }
    let rejected = received.rejection().map(ServiceResponse::Rejected);
    Ok(rejected.unwrap_or_else(|| ServiceResponse::Unexpected(received.unexpected())))
}

/// Reads a response with a body of at most `max_bytes`.
///
/// # Errors
/// When the connection is lost before.
pub(super) async fn receive(
    response: Response,
    max_bytes: usize,
) -> Result<ReceivedResponse, RetryableFailure> {
    let status = response.status();
    // Nearly all responses are 201, and of those no other header is needed.
    let headers = match status {
        StatusCode::CREATED => HeaderMap::new(),
        _ => response.headers().clone(),
    };
    // Read in any case: only then the connection is reused.
    let body = read_body(response, max_bytes).await.map_err(|error| RetryableFailure {
        reason: format!("the response {status} is incomplete: {error}"),
        retry_after: None,
        may_be_accepted: true,
        request_id: None,
    })?;
    Ok(ReceivedResponse { status, headers, body })
}

async fn read_body(mut response: Response, max_bytes: usize) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > max_bytes {
            break;
        }
    }
    Ok(body)
}

impl ReceivedResponse {
    fn is_accepted(&self) -> bool {
        self.status == StatusCode::CREATED
            && serde_json::from_slice(&self.body)
                .is_ok_and(|AcceptedBody { status }| status == "accepted")
    }

    fn rejection(&self) -> Option<RowFailure> {
        let body = self.error_body();
        let request_id = body.as_ref().and_then(|body| body.request_id.clone());
        match (self.status, body.map(|body| body.detail)) {
            (StatusCode::UNPROCESSABLE_ENTITY, Some(Detail::ValidationErrors(reasons)))
                if !reasons.is_empty() =>
            {
                Some(RowFailure { kind: FailureKind::Rejected, reasons, request_id })
            }
            (StatusCode::PAYLOAD_TOO_LARGE, _) => {
                let failure = RowFailure::new(FailureKind::Rejected, "http_413", self.describe());
                Some(failure.of_request(request_id))
            }
            _ => None,
        }
    }

    /// The statuses after which a row is retried, and whether it may have been accepted: a gateway that responds
    /// for a service may have forwarded the request (RFC 9110, section 15.6).
    pub(super) fn retryable_failure(&self) -> Option<RetryableFailure> {
        let may_be_accepted = match self.status {
            // The request was not read completely, or not processed.
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                false
            }
            StatusCode::SERVICE_UNAVAILABLE => !self.is_certainly_not_accepted(),
            // Permanent: a retry gets the same response.
            StatusCode::NOT_IMPLEMENTED
            | StatusCode::HTTP_VERSION_NOT_SUPPORTED
            | StatusCode::NETWORK_AUTHENTICATION_REQUIRED => return None,
            status if status.is_server_error() => true,
            _ => return None,
        };
        let retry_after = retry_after(&self.headers);
        let (reason, request_id) = (self.describe(), self.request_id());
        Some(RetryableFailure { reason, retry_after, may_be_accepted, request_id })
    }

    /// Whether this 503 is the service's own, and its code does not leave the outcome open. Only a body with a code
    /// and a request id is certainly the service's: a gateway responds 503 also when the connection broke after the
    /// service had accepted the reading. The 503 of an older release, without a code, may mean either.
    fn is_certainly_not_accepted(&self) -> bool {
        let Some(ErrorBody { code: Some(code), request_id: Some(_), .. }) = self.error_body()
        else {
            return false;
        };
        code != OUTCOME_UNKNOWN
    }

    pub(super) fn unexpected(&self) -> UnexpectedResponse {
        let header = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        let mut reason = self.describe();
        if self.error_body().is_none()
            && let Some(content_type) = header(CONTENT_TYPE)
        {
            reason = format!("{reason} with {content_type}");
        }
        let location = header(LOCATION).filter(|_| self.status.is_redirection());
        let (status, location) = (self.status, location.map(ToOwned::to_owned));
        let body = self.error_body();
        let (code, request_id) = body.map_or((None, None), |body| (body.code, body.request_id));
        UnexpectedResponse { status, reason, code, location, request_id }
    }

    pub(super) fn error_body(&self) -> Option<ErrorBody> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn request_id(&self) -> Option<String> {
        self.error_body()?.request_id
    }

    pub(super) fn describe(&self) -> String {
        let status = self.status;
        match self.error_body().map(|body| body.detail) {
            Some(Detail::Sentence(detail)) => format!("the service responds {status}: {detail}"),
            _ => format!("the service responds {status}"),
        }
    }
}

/// The wait in seconds, or until a time by the clock of the service (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    let time = httpdate::parse_http_date(value).ok()?;
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    let wait = time.duration_since(now.unwrap_or_else(SystemTime::now)).unwrap_or_default();
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(HeaderName, &str)]) -> Option<u64> {
        let pair = |(name, value): &(HeaderName, &str)| (name.clone(), value.parse().unwrap());
        retry_after(&headers.iter().map(pair).collect()).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_in_seconds_or_until_a_time_by_the_clock_of_the_service() {
        let (noon, later) = ("Mon, 15 Jan 2024 12:00:00 GMT", "Mon, 15 Jan 2024 12:01:30 GMT");
        assert_eq!(wait(&[(RETRY_AFTER, " 7 ")]), Some(7));
        assert_eq!(wait(&[(RETRY_AFTER, later), (DATE, noon)]), Some(90));
        assert_eq!(wait(&[(RETRY_AFTER, noon), (DATE, later)]), Some(0));
        assert_eq!(wait(&[(RETRY_AFTER, noon)]), Some(0));
        assert_eq!(wait(&[(RETRY_AFTER, "18446744073709551615")]), Some(86_400));
        assert_eq!(wait(&[(RETRY_AFTER, "soon")]), None);
        assert_eq!(wait(&[]), None);
    }
}
