//! The responses to line protocol, in the form of `InfluxDB`'s errors, which its clients print.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};

use crate::error_body::ErrorBody;
use crate::ingestion::received_body::{BodyError, BodyResponses};
use crate::ingestion::received_rows::{NotReceived, Received};

/// An error as `InfluxDB` has it.
#[derive(Debug, Clone, Object)]
#[oai(rename = "InfluxError")]
pub struct InfluxError {
    /// What went wrong, for programs, by the status: `invalid`, `forbidden`, `request too large`, `too many requests`,
    /// `unavailable`.
    code: String,
    /// What went wrong, in a sentence.
    message: String,
    /// The same, where version 1 has it.
    error: String,
    /// The request's `X-Request-Id`; the log lines of the service about this request have it, too.
    request_id: String,
}

#[derive(ApiResponse)]
pub(in crate::ingestion) enum WriteResponse {
    /// Every line is a reading in the stream, and will be stored; or has no field that is mapped, and is ignored.
    #[oai(status = 204)]
    Written,
    /// A line was rejected; the others are in the stream, as after a 204. Or the request has no lines, or none of the
    /// bytes that its `Content-Encoding` says.
    #[oai(status = 400)]
    Invalid(Json<InfluxError>),
    /// The API key permits none of the sites, or not to send readings.
    #[oai(status = 403)]
    Forbidden(Json<InfluxError>),
    /// The body did not arrive completely in time.
    #[oai(status = 408)]
    BodyTimeout(Json<InfluxError>),
    /// The body has more than 10 MiB or more than 50,000 lines, or more lines than a rate limit permits at once. Send
    /// fewer.
    #[oai(status = 413)]
    TooLarge(Json<InfluxError>),
    /// The body has another coding than gzip, deflate or zstd, or several.
    #[oai(status = 415)]
    UnsupportedCoding(
        Json<InfluxError>,
        /// The codings.
        #[oai(header = "Accept-Encoding")]
        String,
    ),
    /// The client address or the API key is above its rate limit, in which each line counts as a request: `Retry-After`
    /// says when to try again.
    #[oai(status = 429)]
    RateLimited(Json<InfluxError>, #[oai(header = "Retry-After")] u64),
    /// The service is unavailable: `Retry-After` says when to try again. A request that is repeated adds no line twice that
    /// has a timestamp.
    #[oai(status = 503)]
    Unavailable(Json<InfluxError>, #[oai(header = "Retry-After")] u64),
}

/// The body of an error.
pub(super) fn error(code: &str, body: ErrorBody) -> Json<InfluxError> {
    let ErrorBody { detail, request_id, .. } = body;
    let code = code.to_owned();
    Json(InfluxError { code, error: detail.clone(), message: detail, request_id })
}

impl WriteResponse {
    /// 400.
    pub(super) fn invalid(body: ErrorBody) -> Self {
        Self::Invalid(error("invalid", body))
    }

    /// 413.
    pub(super) fn too_large(body: ErrorBody) -> Self {
        Self::TooLarge(error("request too large", body))
    }

    /// Of readings that are in the stream, and rows that were rejected.
    pub(super) fn of(received: Result<Received, NotReceived>) -> Self {
        match received {
            Ok(Received { rejected: 0, .. }) => Self::Written,
            Ok(received) => Self::invalid(received.partial_write()),
            Err(NotReceived::SiteForbidden(body)) => Self::Forbidden(error("forbidden", body)),
            Err(NotReceived::TooManyRows(body)) => Self::too_large(body),
            Err(NotReceived::RateLimited(body, retry_after)) => {
                Self::RateLimited(error("too many requests", body), retry_after)
            }
            Err(NotReceived::Unavailable(body, retry_after)) => {
                Self::Unavailable(error("unavailable", body), retry_after)
            }
        }
    }
}

impl From<BodyError> for WriteResponse {
    fn from(error_of_body: BodyError) -> Self {
        error_of_body.respond(&BodyResponses {
            incomplete: |Json(body)| Self::invalid(body),
            timed_out: |Json(body)| Self::BodyTimeout(error("invalid", body)),
            too_large: |Json(body)| Self::too_large(body),
            unsupported_coding: |Json(body), codings| {
                Self::UnsupportedCoding(error("invalid", body), codings)
            },
        })
    }
}
