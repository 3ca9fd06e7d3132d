//! The body of a site's summary.

use poem_openapi::Object;
use readings::store::catalog::{SiteDevices, SiteOverview};
use readings::{Instant, SiteId};

use super::site_page::Site;
use super::times::seconds;

/// A site with the number of its devices.
#[derive(Debug, Clone, Object)]
pub struct SiteSummary {
    /// As in the list of sites.
    #[oai(flatten)]
    site: Site,
    /// The number of its devices; null while they are being read for the first time.
    #[oai(nullable)]
    devices: Option<u64>,
    /// The time from its last reading back to the newest one that is at least 50 seconds older, in seconds.
    #[oai(nullable)]
    interval_s: Option<f64>,
}

impl SiteSummary {
    pub(super) fn new(
        site: &SiteId,
        overview: &SiteOverview,
        devices: &SiteDevices,
        now: Instant,
    ) -> Self {
        Self {
            site: Site::new(site, overview, now),
            devices: devices.is_complete.then_some(devices.count as u64),
            interval_s: overview.seen.interval_micros.map(seconds),
        }
    }
}
