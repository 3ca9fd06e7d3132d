//! Buckets of devices, or of their sum.

use readings::energy::calendar::Zone;
use readings::energy::integration::{
    Bucket, MAX_FILLED_BUCKETS, SiteBuckets, SummedBucket, TooManyFilled, sum_over_devices,
    with_empty,
};

use super::aggregates_body::AggregateBucket;
use super::question::WantedBuckets;

/// The buckets of one device, or of the sum of some.
#[derive(Debug)]
pub(super) struct Series {
    /// `None` for a sum.
    pub device_id: Option<Box<str>>,
    /// The devices of a sum.
    pub devices: Option<Vec<Box<str>>>,
    buckets: SeriesBuckets,
}

#[derive(Debug)]
enum SeriesBuckets {
    Device(Vec<Bucket>),
    Sum(Vec<SummedBucket>),
}

impl Series {
    /// The bucket with an index as it is written; `None` after the last one.
    pub fn bucket(&self, index: usize, zone: Zone) -> Option<AggregateBucket> {
        match &self.buckets {
            SeriesBuckets::Device(buckets) => {
                buckets.get(index).map(|bucket| AggregateBucket::of_device(bucket, zone))
            }
            SeriesBuckets::Sum(buckets) => {
                buckets.get(index).map(|bucket| AggregateBucket::of_sum(bucket, zone))
            }
        }
    }
}

/// The series that a request wants of the buckets of a site.
///
/// # Errors
/// When all buckets that have nothing are wanted as well, and are too many.
pub(super) fn series(
    found: SiteBuckets,
    wanted: &WantedBuckets,
) -> Result<Vec<Series>, TooManyFilled> {
    let (ids, mut buckets): (Vec<_>, Vec<_>) = found.devices.into_iter().unzip();
    if wanted.fill {
        // Of a sum, one device with all buckets is enough.
        let filled = if wanted.sum { buckets.len().min(1) } else { buckets.len() };
        let all = &wanted.wanted.question.aggregation.buckets;
        if filled.saturating_mul(all.count()) > MAX_FILLED_BUCKETS {
            return Err(TooManyFilled);
        }
        for buckets in &mut buckets[..filled] {
            *buckets = with_empty(all, std::mem::take(buckets));
        }
    }
    if !wanted.sum {
        let of_device = |(id, buckets)| Series {
            device_id: Some(id),
            devices: None,
            buckets: SeriesBuckets::Device(buckets),
        };
        return Ok(ids.into_iter().zip(buckets).map(of_device).collect());
    }
    let sum = Series {
        device_id: None,
        buckets: SeriesBuckets::Sum(sum_over_devices(buckets.iter().map(Vec::as_slice))),
        devices: Some(ids),
    };
    Ok(if buckets.is_empty() { Vec::new() } else { vec![sum] })
}
