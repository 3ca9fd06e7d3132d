//! The body with energy of a range.

use poem_openapi::Object;
use poem_openapi::types::Example;
use readings::energy::integration::{Bucket, SiteBuckets, WattSeconds};

use super::aggregates_body::moment;
use super::question::Wanted;

/// Energy of a site.
#[derive(Debug, Clone, Object)]
pub(super) struct SiteEnergy {
    /// The site of the request.
    site_id: String,
    /// When the range begins, with the offset of the time zone.
    start: String,
    /// The first moment after it.
    end: String,
    /// The time zone.
    tz: String,
    /// Always `kWh`.
    energy_unit: String,
    /// Always `step`: a value holds until the next one.
    integration: String,
    /// The longest time over which a value holds, in seconds.
    max_gap_s: u32,
    /// By device id. Devices without a reading and without a value that holds are left out.
    devices: Vec<DeviceEnergy>,
}

/// Energy of a device.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub(super) struct DeviceEnergy {
    /// The device.
    device_id: String,
    /// Readings, of each instant one.
    count: u64,
    /// Energy of positive power; null where no value holds.
    #[oai(nullable)]
    import_kwh: Option<f64>,
    /// Energy of negative power, as a positive number; null where no value holds.
    #[oai(nullable)]
    export_kwh: Option<f64>,
    /// Import less export; null where no value holds.
    #[oai(nullable)]
    net_kwh: Option<f64>,
    /// The part of the range in which a value holds, 0 to 1.
    coverage: f64,
}

impl SiteEnergy {
    /// The body of one bucket of each device.
    pub fn new(site_id: &str, wanted: &Wanted, found: SiteBuckets) -> Self {
        let aggregation = &wanted.question.aggregation;
        let range = aggregation.buckets.range();
        let devices = found.devices.into_iter().filter_map(|(id, buckets)| {
            buckets.first().map(|bucket| DeviceEnergy::new(id.into_string(), bucket))
        });
        Self {
            site_id: site_id.to_owned(),
            start: moment(range.start(), wanted.zone),
            end: moment(range.end(), wanted.zone),
            tz: wanted.zone.to_string(),
            energy_unit: "kWh".to_owned(),
            integration: aggregation.rules.integration.to_string(),
            max_gap_s: aggregation.rules.max_gap.seconds(),
            devices: devices.collect(),
        }
    }
}

impl Example for DeviceEnergy {
    fn example() -> Self {
        Self {
            device_id: "main-meter".to_owned(),
            count: 1_440,
            import_kwh: Some(12.25),
            export_kwh: Some(3.5),
            net_kwh: Some(8.75),
            coverage: 1.0,
        }
    }
}

impl DeviceEnergy {
    fn new(device_id: String, bucket: &Bucket) -> Self {
        let energy = bucket.energy();
        Self {
            device_id,
            count: bucket.count,
            import_kwh: energy.and_then(WattSeconds::import_kwh),
            export_kwh: energy.and_then(WattSeconds::export_kwh),
            net_kwh: energy.and_then(WattSeconds::net_kwh),
            coverage: bucket.coverage(),
        }
    }
}
