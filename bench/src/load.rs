//! The readings that are sent: the same ones each time, as long as real ones.

use std::num::NonZeroU32;

use anyhow::{Context, anyhow};
use chrono::DateTime;
use readings::{Reading, SiteId};

/// When the first reading was taken, in seconds since the Unix epoch: 2024-01-15T10:30:00Z.
const FIRST_INSTANT: i64 = 1_705_314_600;

/// Readings spread over sites evenly, in no order.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    sites: NonZeroU32,
}

impl Load {
    /// Readings of so many sites.
    pub const fn new(sites: NonZeroU32) -> Self {
        Self { sites }
    }

    /// All the sites.
    pub fn sites(self) -> impl Iterator<Item = SiteId> {
        (0..self.sites.get()).filter_map(|number| SiteId::new(site(number)))
    }

    /// The JSON of a reading.
    ///
    /// # Errors
    /// When its number is beyond any calendar.
    pub fn body(self, number: u32) -> anyhow::Result<String> {
        let site = site(scrambled(number) % self.sites);
        let tenths_of_watts = number % 50_000;
        let (watts, tenths) = (tenths_of_watts / 10, tenths_of_watts % 10);
        let time = DateTime::from_timestamp(FIRST_INSTANT + i64::from(number), 0);
        let time = time.context("there is no such instant")?.format("%Y-%m-%dT%H:%M:%SZ");
        Ok(format!(
            r#"{{"site_id": "{site}", "device_id": "main-meter", "power_reading": {watts}.{tenths}, "timestamp": "{time}"}}"#
        ))
    }

    /// A reading, as the ingestion makes it of its JSON.
    ///
    /// # Errors
    /// As [`Load::body`].
    pub fn reading(self, number: u32) -> anyhow::Result<Reading> {
        let reading = readings::validation::parse_reading(self.body(number)?.as_bytes());
        reading.map_err(|faults| anyhow!("the bench makes bad readings: {faults:?}"))
    }
}

fn site(number: u32) -> String {
    format!("site-{number:05}")
}

/// A number that looks random and is the same each time (the finalizer of `MurmurHash3`).
const fn scrambled(number: u32) -> u32 {
    let mixed = (number ^ (number >> 16)).wrapping_mul(0x85eb_ca6b);
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
    mixed ^ (mixed >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_valid_and_go_to_all_sites_about_equally() {
        let load = Load::new(NonZeroU32::new(10).unwrap());
        let readings: Vec<_> = (0..10_000).map(|number| load.reading(number).unwrap()).collect();
        for site in load.sites() {
            let count = readings.iter().filter(|reading| reading.site_id == site).count();
            assert!((900..1_100).contains(&count), "{site} has {count}");
        }
    }
}
