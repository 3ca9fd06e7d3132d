//! Queries that are not possible now.

use readings::store::StoreError;

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::store_failure::{ServiceUnavailable, StoreOperation};

/// Seconds after which a client should try again when no slot is free.
const BUSY_RETRY_AFTER_SECONDS: u64 = 5;

/// Redis failed.
pub(super) fn failed(error: &StoreError) -> ServiceUnavailable {
    ServiceUnavailable::from_store(StoreOperation::Query, error)
}

/// No slot is free.
pub(super) fn too_many_large_responses() -> ServiceUnavailable {
    let detail = "Too many large responses are being sent; try again when one is complete";
    let body = ErrorBody::new(ErrorCode::TooManyLargeResponses, detail);
    ServiceUnavailable::new(body, BUSY_RETRY_AFTER_SECONDS)
}
