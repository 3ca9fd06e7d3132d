//! Latencies, as many as there are, in little memory (HDR histogram).

use std::time::Duration;

use hdrhistogram::Histogram;

/// Decimal digits that a latency keeps: 3 is an error of a thousandth at most.
const DIGITS: u8 = 3;

/// Latencies in nanoseconds.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// No latency yet.
    ///
    /// # Errors
    /// Never: what the library refuses is fixed here.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new(DIGITS)?))
    }

    /// Adds one.
    ///
    /// # Errors
    /// Never: it resizes itself, and 584 years fit.
    pub fn add(&mut self, latency: Duration) -> anyhow::Result<()> {
        Ok(self.0.record(latency.as_nanos().try_into()?)?)
    }

    /// Adds all latencies of another.
    ///
    /// # Errors
    /// Never: the histogram has no upper bound.
    pub fn merge(&mut self, other: &Self) -> anyhow::Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    /// In milliseconds; NaN without latencies.
    pub fn percentile(&self, percent: f64) -> f64 {
        self.millis(self.0.value_at_percentile(percent))
    }

    /// In milliseconds; NaN without latencies.
    pub fn max(&self) -> f64 {
        self.millis(self.0.max())
    }

    fn millis(&self, nanoseconds: u64) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_latency_that_this_share_does_not_exceed() {
        let (mut low, mut high) = (Latencies::new().unwrap(), Latencies::new().unwrap());
        (1..=50).for_each(|n| low.add(Duration::from_millis(n)).unwrap());
        (51..=100).for_each(|n| high.add(Duration::from_millis(n)).unwrap());
        low.merge(&high).unwrap();
        let about = |found: f64, wanted: f64| (found / wanted - 1.0).abs() < 0.002;
        assert!(about(low.percentile(50.0), 50.0), "{}", low.percentile(50.0));
        assert!(about(low.percentile(99.0), 99.0), "{}", low.percentile(99.0));
        assert!(about(low.max(), 100.0), "{}", low.max());
    }

    #[test]
    fn without_latencies_a_percentile_is_nan() {
        assert!(Latencies::new().unwrap().percentile(50.0).is_nan());
    }
}
