//! The body with buckets: its documentation, and its parts as they are written.

use poem_openapi::Object;
use poem_openapi::types::Example;
use readings::Instant;
use readings::energy::calendar::{Range, Zone};
use readings::energy::integration::{Bucket, SummedBucket, WattSeconds};
use serde::Serialize;

use super::question::WantedBuckets;

/// Power and energy of a site, by bucket.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "SiteAggregates")]
pub(super) struct SiteAggregates {
    /// The site of the request.
    site_id: String,
    /// When the first bucket begins.
    start: String,
    /// When the last bucket ends.
    end: String,
    /// The length of a bucket.
    interval: String,
    /// The time zone by whose clock buckets are cut.
    tz: String,
    /// Always `W`.
    power_unit: String,
    /// Always `kWh`.
    energy_unit: String,
    /// `step` or `trapezoid`.
    integration: String,
    /// The longest time over which a value holds, in seconds.
    max_gap_s: u32,
    /// By device id; one series for `combine=sum`. Devices without a reading and without a value that holds are left
    /// out.
    #[serde(skip)]
    series: Vec<AggregateSeries>,
}

/// The buckets of a device, or of the sum of devices.
#[derive(Debug, Clone, Object)]
#[allow(dead_code)] // documents the elements; they are written bucket by bucket
pub(super) struct AggregateSeries {
    /// The device; null for the sum of devices.
    #[oai(nullable)]
    device_id: Option<String>,
    /// The devices of a sum, for `combine=sum` alone.
    #[oai(skip_serializing_if_is_none)]
    devices: Option<Vec<String>>,
    /// Ascending. Those that have nothing are left out, unless `fill` is `null`.
    buckets: Vec<AggregateBucket>,
}

/// A bucket of a device, or of the sum of devices.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(example)]
pub(super) struct AggregateBucket {
    /// Its first moment, with the offset of the time zone.
    start: String,
    /// The first moment after it.
    end: String,
    /// Readings, of each device and instant one.
    count: u64,
    /// Readings that another one of the same device and instant replaced; they are not in `count`.
    repeats: u64,
    /// The lowest power of a reading in watts; null without one, and for a sum.
    #[oai(nullable)]
    min: Option<f64>,
    /// The first moment of it.
    #[oai(nullable)]
    min_at: Option<String>,
    /// The highest power of a reading in watts; null without one, and for a sum.
    #[oai(nullable)]
    max: Option<f64>,
    /// The first moment of it.
    #[oai(nullable)]
    max_at: Option<String>,
    /// Mean power in watts, weighted by time; null where no value holds.
    #[oai(nullable)]
    mean: Option<f64>,
    /// Import less export; null where no value holds.
    #[oai(nullable)]
    energy_kwh: Option<f64>,
    /// Energy of positive power.
    #[oai(nullable)]
    import_kwh: Option<f64>,
    /// Energy of negative power, as a positive number.
    #[oai(nullable)]
    export_kwh: Option<f64>,
    /// The part of the time in which a value holds, 0 to 1; of a sum, the mean of its devices.
    coverage: f64,
}

impl SiteAggregates {
    /// The body without its series.
    pub fn without_series(site_id: &str, wanted: &WantedBuckets) -> Self {
        let zone = wanted.wanted.zone;
        let aggregation = &wanted.wanted.question.aggregation;
        let range = aggregation.buckets.range();
        Self {
            site_id: site_id.to_owned(),
            start: moment(range.start(), zone),
            end: moment(range.end(), zone),
            interval: wanted.interval.to_string(),
            tz: zone.to_string(),
            power_unit: "W".to_owned(),
            energy_unit: "kWh".to_owned(),
            integration: aggregation.rules.integration.to_string(),
            max_gap_s: aggregation.rules.max_gap.seconds(),
            series: Vec::new(),
        }
    }
}

impl Example for AggregateBucket {
    /// A day of 25 hours.
    fn example() -> Self {
        let at = |text: &str| Some(text.to_owned());
        Self {
            start: "2016-11-06T00:00:00-07:00".to_owned(),
            end: "2016-11-07T00:00:00-08:00".to_owned(),
            count: 25,
            repeats: 0,
            min: Some(637.658),
            min_at: at("2016-11-06T23:00:00-08:00"),
            max: Some(5_870.75),
            max_at: at("2016-11-06T12:00:00-08:00"),
            mean: Some(1_677.424_64),
            energy_kwh: Some(41.935_616),
            import_kwh: Some(41.935_616),
            export_kwh: Some(0.0),
            coverage: 1.0,
        }
    }
}

impl AggregateBucket {
    /// A bucket of a device.
    pub fn of_device(bucket: &Bucket, zone: Zone) -> Self {
        Self {
            count: bucket.count,
            repeats: bucket.repeats,
            min: bucket.min.map(|min| min.watts),
            min_at: bucket.min.map(|min| moment(min.instant, zone)),
            max: bucket.max.map(|max| max.watts),
            max_at: bucket.max.map(|max| moment(max.instant, zone)),
            mean: bucket.mean_watts(),
            coverage: bucket.coverage(),
            ..Self::of_energy(bucket.range, bucket.energy(), zone)
        }
    }

    /// A bucket of a sum.
    pub fn of_sum(bucket: &SummedBucket, zone: Zone) -> Self {
        Self {
            count: bucket.count,
            repeats: bucket.repeats,
            mean: bucket.mean_watts,
            coverage: bucket.coverage,
            ..Self::of_energy(bucket.range, bucket.energy(), zone)
        }
    }

    /// A bucket of which only the energy is known.
    fn of_energy(range: Range, energy: Option<WattSeconds>, zone: Zone) -> Self {
        Self {
            start: moment(range.start(), zone),
            end: moment(range.end(), zone),
            count: 0,
            repeats: 0,
            min: None,
            min_at: None,
            max: None,
            max_at: None,
            mean: None,
            energy_kwh: energy.and_then(WattSeconds::net_kwh),
            import_kwh: energy.and_then(WattSeconds::import_kwh),
            export_kwh: energy.and_then(WattSeconds::export_kwh),
            coverage: 0.0,
        }
    }
}

/// RFC 3339 text; it is never empty, as buckets are in the calendar.
pub(super) fn moment(instant: Instant, zone: Zone) -> String {
    zone.timestamp(instant).unwrap_or_default()
}
