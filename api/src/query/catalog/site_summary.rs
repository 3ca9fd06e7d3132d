//! The body of a site's summary.

use poem_openapi::Object;
use readings::store::catalog::{SiteDevices, SiteOverview};
use readings::{Instant, SiteId};

use super::times::{StatusName, seconds, utc};

/// A site with the number of its devices.
#[derive(Debug, Clone, Object)]
pub struct SiteSummary {
    /// Its id.
    site_id: String,
    /// The number of its devices; null while they are being read for the first time.
    #[oai(nullable)]
    devices: Option<u64>,
    /// The number of its readings; null where the service may not count them in Redis.
    #[oai(nullable)]
    readings: Option<u64>,
    /// The timestamp of its first reading, in UTC. Timestamps before 1990 or more than five minutes ahead of now do not
    /// count, here and in `last`.
    #[oai(nullable)]
    first: Option<String>,
    /// The timestamp of its last reading, in UTC.
    #[oai(nullable)]
    last: Option<String>,
    /// When its last reading was accepted, in UTC; one with a timestamp that is ahead counts here.
    #[oai(nullable)]
    last_ingested_at: Option<String>,
    /// The time from its last reading back to the newest one that is at least 50 seconds older, in seconds.
    #[oai(nullable)]
    interval_s: Option<f64>,
    /// How recent its last reading is.
    status: StatusName,
}

impl SiteSummary {
    pub(super) fn new(
        site: &SiteId,
        overview: &SiteOverview,
        devices: &SiteDevices,
        now: Instant,
    ) -> Self {
        Self {
            site_id: site.to_string(),
            devices: devices.is_complete.then_some(devices.count as u64),
            readings: overview.readings,
            first: overview.first.and_then(utc),
            last: overview.seen.last.and_then(utc),
            last_ingested_at: overview.seen.last_ingested_at().and_then(utc),
            interval_s: overview.seen.interval_micros.map(seconds),
            status: overview.status(now).into(),
        }
    }
}
