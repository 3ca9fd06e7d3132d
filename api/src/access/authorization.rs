//! Whether a key permits a request.

use chrono::Utc;

use super::grant::Grant;
use super::rejection::Rejection;
use super::scope::Scope;

/// Checks that a key is in force and has this scope.
pub(super) fn check_scope(grant: &Grant, scope: Scope) -> Result<(), Rejection> {
    let key = grant.key();
    // Without asking the clock where there is nothing to compare.
    if key.expires.is_some() && key.has_expired(Utc::now()) {
        Err(Rejection::Expired(grant.clone()))
    } else if key.scopes.contain(scope) {
        Ok(())
    } else {
        Err(Rejection::ScopeMissing(grant.clone(), scope))
    }
}

/// Checks that a key permits a site.
pub(crate) fn check_site(grant: &Grant, site: &str) -> Result<(), Rejection> {
    if grant.key().permits_site(site) {
        Ok(())
    } else {
        Err(Rejection::SiteForbidden(grant.clone()))
    }
}
