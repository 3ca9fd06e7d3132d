//! The body with the latest reading of each device.

use poem_openapi::Object;
use readings::store::catalog::{Device, SiteDevices};
use readings::store::codec::StoredReading;
use readings::{Instant, SiteId};

use super::times::seconds;

/// The latest reading of a device.
#[derive(Debug, Clone, Object)]
pub struct LatestReading {
    /// The id of its stream entry.
    stream_id: String,
    /// The site.
    site_id: String,
    /// The device at the site.
    device_id: String,
    /// Power in watts.
    power_reading: f64,
    /// The time of the measurement, as it was sent.
    timestamp: String,
    /// The time of its acceptance: UTC, ISO 8601 with microseconds, no offset suffix.
    ingested_at: String,
    /// Seconds from its timestamp until now; negative where that is ahead of now.
    #[oai(nullable)]
    age_s: Option<f64>,
    /// Whether the device has readings whose timestamps are more than five minutes ahead of now. They are the latest only
    /// where it has no others.
    ahead: bool,
}

/// The latest readings of a site.
#[derive(Debug, Clone, Object)]
pub struct LatestReadings {
    /// The site of the request.
    site_id: String,
    /// One reading for each device, in the order of their ids.
    readings: Vec<LatestReading>,
    /// False while the readings of the site are being read for the first time, or again after old ones were added or
    /// deleted: devices that have not sent for long may be missing then.
    complete: bool,
}

impl LatestReadings {
    pub(super) fn new(site: &SiteId, devices: &SiteDevices, now: Instant) -> Self {
        let readings = devices.devices.iter().filter_map(|device| reading(device, now));
        let readings = readings.collect();
        Self { site_id: site.to_string(), readings, complete: devices.is_complete }
    }
}

fn reading(device: &Device, now: Instant) -> Option<LatestReading> {
    let reading = StoredReading::from_member(device.latest.as_deref()?).ok()?;
    let age = |at: Instant| now.epoch_micros().saturating_sub(at.epoch_micros());
    let [stream_id, site_id, device_id, _, timestamp, ingested_at] =
        reading.texts().map(std::borrow::Cow::into_owned);
    Some(LatestReading {
        stream_id,
        site_id,
        device_id,
        power_reading: reading.watts(),
        timestamp,
        ingested_at,
        age_s: reading.order().0.map(age).map(seconds),
        ahead: device.facts.is_ahead(),
    })
}
