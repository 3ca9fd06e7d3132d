//! The responses to deletions.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};

use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::error_code::ErrorCode;
use crate::store_failure::ServiceUnavailable;

/// What was deleted.
#[derive(Debug, Clone, Object)]
pub struct Deleted {
    /// Number of readings that were deleted.
    pub(super) deleted: u64,
}

/// A deletion that is not complete.
#[derive(Debug, Clone, Object)]
pub struct UnavailableDeletion {
    /// What went wrong, and what to do about it.
    detail: String,
    /// What went wrong, for programs.
    code: ErrorCode,
    /// The request's `X-Request-Id`; the log lines of the service about this request have it, too.
    request_id: String,
    /// Number of readings that were deleted. With the code `outcome_unknown` up to 500 more may be, or 50,000 of a packed or
    /// archived day.
    deleted: u64,
}

#[derive(ApiResponse)]
pub(super) enum DeleteRangeResponse {
    /// The readings of the range are deleted; there may have been none.
    #[oai(status = 200)]
    Deleted(Json<Deleted>),
    /// The site has and had no readings.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// A parameter is missing, invalid or unknown; every validation error is listed.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[derive(ApiResponse)]
pub(super) enum DeleteReadingResponse {
    /// The reading is deleted.
    #[oai(status = 204)]
    Deleted,
    /// The site has no reading with this stream id.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// An id is not UTF-8, or a parameter is unknown.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[derive(ApiResponse)]
pub(super) enum DeletionUnavailable {
    /// The service is unavailable, or the range is too large for one request: `code` says why, `Retry-After` when to
    /// repeat the request, and `deleted` what was deleted before.
    #[oai(status = 503)]
    Response(Json<UnavailableDeletion>, #[oai(header = "Retry-After")] u64),
}

impl DeletionUnavailable {
    /// After this number of readings was deleted.
    pub fn new(unavailable: ServiceUnavailable, deleted: u64) -> Self {
        let ServiceUnavailable::Response(Json(body), retry_after) = unavailable;
        let ErrorBody { detail, code, request_id } = body;
        Self::Response(Json(UnavailableDeletion { detail, code, request_id, deleted }), retry_after)
    }

    /// The time of the request was over.
    pub fn incomplete(deleted: u64) -> Self {
        let detail =
            "The range has more readings than one request deletes; repeat it to delete the others";
        let body = ErrorBody::new(ErrorCode::DeletionIncomplete, detail);
        Self::new(ServiceUnavailable::new(body, 1), deleted)
    }
}
