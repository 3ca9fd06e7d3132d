//! Who has deleted what.

use poem::Request;
use readings::SiteId;
use tracing::info;

use crate::access::Grant;

/// Logs a deletion: not throttled, as there is no line without a reading that was deleted.
pub(super) fn log_deleted(request: &Request, site: &SiteId, deleted: u64) {
    if deleted == 0 {
        return;
    }
    let grant = request.extensions().get::<Grant>();
    let key = grant.map(|grant| grant.key().name.as_str()).unwrap_or_default();
    let query = request.uri().query().unwrap_or_default();
    info!(deleted, %site, key, query, "readings were deleted on demand");
}
