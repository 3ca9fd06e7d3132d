//! The site of a path, for requests without further parameters that can be invalid.

use poem::Request;
use readings::SiteId;

use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::parameter::Checked;
use crate::query::site_id_in_path::{SiteIdInPath, not_found};
use crate::unknown_parameters::unknown_parameters;

/// Why a request names no site.
pub(super) enum Rejected {
    /// The id is empty.
    NotFound(ErrorBody),
    /// The id is not UTF-8, or a parameter is unknown.
    Invalid(ValidationErrorBody),
}

/// The site of a request that may have these parameters.
pub(super) fn requested_site(
    site: Checked<SiteIdInPath>,
    request: &Request,
    known: &[&'static str],
) -> Result<SiteId, Rejected> {
    let mut errors = unknown_parameters(request, known);
    match site.0 {
        Ok(None) => return Err(Rejected::NotFound(not_found())),
        Ok(Some(site)) if errors.is_empty() => return Ok(site),
        Ok(Some(_)) => {}
        Err(error) => errors.insert(0, error),
    }
    Err(Rejected::Invalid(ValidationErrorBody::new(errors)))
}
