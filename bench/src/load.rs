//! The readings that are sent: the same in every run, of realistic length.

use std::num::NonZeroU32;

use anyhow::{Context, anyhow};
use chrono::DateTime;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, Zipf};
use readings::Reading;

/// The timestamp of the first reading, in seconds since the Unix epoch: 2024-01-15T10:30:00Z.
const FIRST_INSTANT: i64 = 1_705_314_600;

/// Readings spread over sites.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    sites: NonZeroU32,
    order: Order,
}

/// The order of sites.
#[derive(Debug, Clone, Copy)]
enum Order {
    Random(Zipf<f64>),
    /// One site after the other.
    Cyclic,
}

impl Load {
    /// Readings of this many sites in random order, about equally many of each.
    ///
    /// # Errors
    /// Never.
    pub fn even(sites: NonZeroU32) -> anyhow::Result<Self> {
        Self::skewed(sites, 0.0)
    }

    /// Readings of this many sites in random order, of which the n-th has a share of `n.powf(-exponent)`.
    ///
    /// # Errors
    /// When the exponent is negative.
    pub fn skewed(sites: NonZeroU32, exponent: f64) -> anyhow::Result<Self> {
        let distribution = Zipf::new(f64::from(sites.get()), exponent)?;
        Ok(Self { sites, order: Order::Random(distribution) })
    }

    /// One reading of each of this many sites, then the next of each.
    pub const fn in_order(sites: NonZeroU32) -> Self {
        Self { sites, order: Order::Cyclic }
    }

    /// The JSON of a reading.
    ///
    /// # Errors
    /// When the timestamp is out of range.
    pub fn body(self, number: u32) -> anyhow::Result<String> {
        let site = match self.order {
            // One random generator a reading: a reading depends on its number alone.
            Order::Random(sites) => sites.sample(&mut SmallRng::seed_from_u64(number.into())),
            Order::Cyclic => f64::from(number % self.sites + 1),
        };
        reading(&self::site(site), number)
    }

    /// A reading, parsed like in ingestion.
    ///
    /// # Errors
    /// As [`Load::body`].
    pub fn reading(self, number: u32) -> anyhow::Result<Reading> {
        let reading = readings::validation::parse_reading(self.body(number)?.as_bytes());
        reading.map_err(|errors| anyhow!("the bench creates invalid readings: {errors:?}"))
    }
}

/// The JSON of a reading of a site.
///
/// # Errors
/// When the timestamp is out of range.
pub fn reading(site: &str, number: u32) -> anyhow::Result<String> {
    let tenths_of_watts = number % 50_000;
    let (watts, tenths) = (tenths_of_watts / 10, tenths_of_watts % 10);
    let time = DateTime::from_timestamp(FIRST_INSTANT + i64::from(number), 0);
    let time = time.context("the timestamp is out of range")?.format("%Y-%m-%dT%H:%M:%SZ");
    Ok(format!(
        r#"{{"site_id": "{site}", "device_id": "main-meter", "power_reading": {watts}.{tenths}, "timestamp": "{time}"}}"#
    ))
}

fn site(number: f64) -> String {
    format!("site-{number:05}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(load: Load) -> Vec<usize> {
        let readings: Vec<_> = (0..10_000).map(|number| load.reading(number).unwrap()).collect();
        let of = |site: String| readings.iter().filter(|it| it.site_id.as_str() == site).count();
        (1..=load.sites.get()).map(|number| of(site(f64::from(number)))).collect()
    }

    #[test]
    fn readings_are_valid_and_go_to_all_sites_about_equally() {
        let counts = counts(Load::even(NonZeroU32::new(10).unwrap()).unwrap());
        assert_eq!(counts.iter().sum::<usize>(), 10_000);
        assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
    }

    #[test]
    fn skewed_readings_go_to_the_second_site_half_as_often_as_to_the_first() {
        let counts = counts(Load::skewed(NonZeroU32::new(1_000).unwrap(), 1.0).unwrap());
        // The thousandth harmonic number is 7.49.
        assert!((1_250..1_420).contains(&counts[0]), "{}", counts[0]);
        assert!((600..740).contains(&counts[1]), "{}", counts[1]);
    }

    #[test]
    fn readings_in_order_reach_each_site_once_before_any_twice() {
        let load = Load::in_order(NonZeroU32::new(3).unwrap());
        let sites: Vec<_> = (0..4).map(|number| load.reading(number).unwrap().site_id).collect();
        let all = [1.0, 2.0, 3.0].map(site);
        let sites: Vec<_> = sites.iter().map(readings::SiteId::as_str).collect();
        assert_eq!(sites, [&all[0], &all[1], &all[2], &all[0]]);
    }
}
