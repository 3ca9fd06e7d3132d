//! The responses to a remote write, by what Prometheus does with them: it drops the samples of a request after any 4xx, and
//! sends them again after a 5xx.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use super::write_body::{CODING, MEDIA_TYPE};
use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::ingestion::received_body::{BodyError, BodyResponses};
use crate::ingestion::received_rows::{NotReceived, Received};
use crate::store_failure::ServiceUnavailable;

/// Seconds after which a request that did not arrive is to be sent again.
const RETRY_AFTER_SECONDS: u64 = 1;

#[derive(ApiResponse)]
pub(in crate::ingestion) enum RemoteWriteResponse {
    /// Each sample that is a valid reading is in the stream, and will be stored.
    #[oai(status = 204)]
    Accepted,
    /// The body is not what its headers say, or each of its mapped samples is invalid: `detail` has the first error.
    #[oai(status = 400)]
    Invalid(Json<ErrorBody>),
    /// The API key permits no site of the samples (`site_forbidden`) or no sending of readings (`scope_missing`), or a web
    /// page of another origin sent the request; nothing was stored.
    #[oai(status = 403)]
    Forbidden(Json<ErrorBody>),
    /// The body has more than 10 MiB, or more samples than a rate limit permits at once.
    #[oai(status = 413)]
    BodyTooLarge(Json<ErrorBody>),
    /// The body is another message than that of remote write 1.0, or has another coding than snappy.
    #[oai(status = 415)]
    Unsupported(
        Json<ErrorBody>,
        /// The media type.
        #[oai(header = "Accept")]
        Option<String>,
        /// The coding.
        #[oai(header = "Accept-Encoding")]
        Option<String>,
    ),
}

pub(super) type RemoteWriteResult = Result<RemoteWriteResponse, ServiceUnavailable>;

pub(super) fn invalid(detail: impl Into<String>) -> RemoteWriteResponse {
    RemoteWriteResponse::Invalid(Json(ErrorBody::new(ErrorCode::BodyUndecodable, detail)))
}

pub(super) fn unsupported_type() -> RemoteWriteResponse {
    let detail = "The body of a remote write is a prometheus.WriteRequest (remote write 1.0)";
    let body = ErrorBody::new(ErrorCode::UnsupportedMediaType, detail);
    RemoteWriteResponse::Unsupported(Json(body), Some(MEDIA_TYPE.to_owned()), None)
}

pub(super) fn unsupported_coding() -> RemoteWriteResponse {
    let detail = "The body of a remote write is compressed as a block of snappy";
    let body = ErrorBody::new(ErrorCode::UnsupportedContentEncoding, detail);
    RemoteWriteResponse::Unsupported(Json(body), None, Some(CODING.to_owned()))
}

/// What Prometheus would drop after a 4xx, although it may arrive the next time, is a 503.
pub(super) fn not_received(error: BodyError) -> RemoteWriteResult {
    let unavailable = |Json(body)| Err(ServiceUnavailable::new(body, RETRY_AFTER_SECONDS));
    error.respond(&BodyResponses {
        incomplete: unavailable,
        timed_out: unavailable,
        too_large: |body| Ok(RemoteWriteResponse::BodyTooLarge(body)),
        unsupported_coding: |_, _| Ok(unsupported_coding()),
    })
}

/// Valid samples are accepted whatever the others are. If each is invalid, the sender's log should say so.
pub(super) fn accepted(received: Received) -> RemoteWriteResponse {
    match received.first_error {
        Some(error) if received.appended.readings == 0 => invalid(error),
        _ => RemoteWriteResponse::Accepted,
    }
}

/// A rate limit is a 503: Prometheus drops what was answered with 429, unless it is configured not to.
pub(super) fn not_accepted(error: NotReceived) -> RemoteWriteResult {
    match error {
        NotReceived::SiteForbidden(body) => Ok(RemoteWriteResponse::Forbidden(Json(body))),
        NotReceived::TooManyRows(body) => Ok(RemoteWriteResponse::BodyTooLarge(Json(body))),
        NotReceived::RateLimited(body, retry_after)
        | NotReceived::Unavailable(body, retry_after) => {
            Err(ServiceUnavailable::new(body, retry_after))
        }
    }
}
