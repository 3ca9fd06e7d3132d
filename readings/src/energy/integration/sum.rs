//! Buckets of several devices become those of their sum.

use std::collections::BTreeMap;

use super::bucket::Bucket;
use super::pair::seconds;
use super::watt_seconds::WattSeconds;
use crate::energy::calendar::Range;
use crate::iso8601::Instant;

/// One bucket of several devices together. There is no lowest and no highest power of a sum: devices measure
/// at different instants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SummedBucket {
    /// From when until when.
    pub range: Range,
    /// Readings that count, of all devices.
    pub count: u64,
    /// Readings that another one of the same instant and device replaced.
    pub repeats: u64,
    /// Sum of the devices' mean power in watts, each over the time that it covers; `None` where no time is
    /// covered, or for an overflow.
    pub mean_watts: Option<f64>,
    /// Covered time of all devices by the length of the bucket and the number of devices, 0 to 1: below 1
    /// the energy is that of some devices some of the time.
    pub coverage: f64,
    energy: Option<WattSeconds>,
}

impl SummedBucket {
    /// Energy of all devices; `None` where no time is covered.
    #[must_use]
    pub const fn energy(&self) -> Option<WattSeconds> {
        self.energy
    }
}

/// Sums the buckets of devices, in the order in which they are given: the same order gives the same bits.
/// Only for a question that asks for it: a photovoltaic inverter beside a main meter is no part of its sum.
#[must_use]
pub fn sum_over_devices<'a>(devices: impl IntoIterator<Item = &'a [Bucket]>) -> Vec<SummedBucket> {
    let mut count = 0;
    let mut sums: BTreeMap<Instant, Sum> = BTreeMap::new();
    for buckets in devices {
        count += 1;
        for bucket in buckets {
            sums.entry(bucket.range.start()).or_insert_with(|| Sum::new(bucket.range)).add(bucket);
        }
    }
    sums.into_values().map(|sum| sum.finish(count)).collect()
}

struct Sum {
    bucket: Bucket,
    mean_watts: f64,
}

impl Sum {
    const fn new(range: Range) -> Self {
        Self { bucket: Bucket::empty(range), mean_watts: 0.0 }
    }

    fn add(&mut self, bucket: &Bucket) {
        self.bucket.count += bucket.count;
        self.bucket.repeats += bucket.repeats;
        self.bucket.add_energy(bucket.energy, bucket.covered_micros);
        if bucket.energy().is_some() {
            // Of an overflow the sum is one, too.
            self.mean_watts += bucket.mean_watts().unwrap_or(f64::NAN);
        }
    }

    fn finish(self, devices: u32) -> SummedBucket {
        let Self { bucket, mean_watts } = self;
        let has_mean = bucket.energy().is_some() && mean_watts.is_finite();
        SummedBucket {
            range: bucket.range,
            count: bucket.count,
            repeats: bucket.repeats,
            mean_watts: has_mean.then_some(mean_watts),
            coverage: seconds(bucket.covered_micros)
                / seconds(bucket.range.micros())
                / f64::from(devices),
            energy: bucket.energy(),
        }
    }
}
