//! The site of a path.

use poem_openapi::registry::MetaSchema;
use readings::SiteId;

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::parameter::{Parameter, ParameterError};

/// The site id of a path; `None` when it is empty.
pub(super) struct SiteIdInPath;

impl Parameter for SiteIdInPath {
    type Value = Option<SiteId>;

    const LOCATION: [&'static str; 2] = ["path", "site_id"];
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        MetaSchema { min_length: Some(1), ..MetaSchema::new("string") }
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        Ok(SiteId::new(text.ok_or_else(ParameterError::unicode)?))
    }
}

/// The body for an empty site id.
pub(super) fn not_found() -> ErrorBody {
    ErrorBody::new(ErrorCode::NotFound, "Not Found")
}

/// The body for a site of which no reading was ever stored.
pub(super) fn site_not_found() -> ErrorBody {
    ErrorBody::new(ErrorCode::SiteNotFound, "No site has this id")
}
