//! Whether the key of an open event stream still permits it: keys are revoked and expire while it is open.

use poem::Request;
use readings::SiteId;

use crate::access::{AccessPolicy, Grant, Scope};

/// What an event stream was admitted with.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    access: AccessPolicy,
    grant: Option<Grant>,
    site: SiteId,
}

impl Admission {
    /// That of a request, which was admitted.
    pub fn of(request: &Request, access: &AccessPolicy, site: &SiteId) -> Self {
        let grant = request.extensions().get::<Grant>().cloned();
        Self { access: access.clone(), grant, site: site.clone() }
    }

    /// Whether a request with the same key would be admitted now.
    pub fn holds(&self) -> bool {
        self.access.still_permits(self.grant.as_ref(), Scope::Read, self.site.as_str())
    }
}
