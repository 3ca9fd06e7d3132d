//! The body of the list of a site's devices.

use poem_openapi::Object;
use readings::store::catalog::{self, SiteDevices};
use readings::{Instant, SiteId};

use super::times::{StatusName, seconds, utc};

/// A device.
#[derive(Debug, Clone, Object)]
#[allow(clippy::struct_field_names, reason = "members of a body")]
pub struct Device {
    /// Its id.
    device_id: String,
    /// The number of its readings; null where not all of them have been read (`complete`).
    #[oai(nullable)]
    readings: Option<u64>,
    /// The timestamp of its first reading, in UTC; null where not all of them have been read. Timestamps before 1990 or
    /// more than five minutes ahead of now do not count, here and in `last`.
    #[oai(nullable)]
    first: Option<String>,
    /// The timestamp of its last reading, in UTC.
    #[oai(nullable)]
    last: Option<String>,
    /// The power of its last reading in watts.
    #[oai(nullable)]
    last_power_reading: Option<f64>,
    /// When its last reading was accepted, in UTC; one with a timestamp that is ahead counts here.
    #[oai(nullable)]
    last_ingested_at: Option<String>,
    /// The median time between its last readings, in seconds.
    #[oai(nullable)]
    interval_s: Option<f64>,
    /// How recent its last reading is.
    status: StatusName,
}

/// The devices of a site.
#[derive(Debug, Clone, Object)]
pub struct DeviceList {
    /// The site of the request.
    site_id: String,
    /// Its devices, in the order of their ids.
    devices: Vec<Device>,
    /// False while the readings of the site are being read for the first time, or again after old ones were added or
    /// deleted: the devices are those of its last readings then.
    complete: bool,
}

impl DeviceList {
    pub(super) fn new(site: &SiteId, devices: &SiteDevices, now: Instant) -> Self {
        let complete = devices.is_complete;
        let list = devices.devices.iter().map(|it| device(it, complete, now));
        Self { site_id: site.to_string(), devices: list.collect(), complete }
    }
}

fn device(device: &catalog::Device, complete: bool, now: Instant) -> Device {
    let catalog::Device { id, facts, seen, .. } = device;
    let last = facts.last.filter(|last| Some(last.instant) == seen.last);
    Device {
        device_id: id.to_string(),
        readings: complete.then_some(facts.readings),
        first: facts.first.filter(|_| complete).and_then(utc),
        last: seen.last.and_then(utc),
        last_power_reading: last.map(|last| last.watts),
        last_ingested_at: seen.last_ingested_at().and_then(utc),
        interval_s: seen.interval_micros.map(seconds),
        status: seen.status(now).into(),
    }
}
