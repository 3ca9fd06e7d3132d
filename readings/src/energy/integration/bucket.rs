//! What a question gives for one bucket of one device.

use super::pair::seconds;
use super::sample::Sample;
use super::summary::{Summary, higher, lower};
use super::watt_seconds::WattSeconds;
use crate::energy::calendar::{Buckets, Range};

/// One bucket of one device, with a reading in it or a value that holds into it; others are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// From when until when.
    pub range: Range,
    /// Readings that count: one an instant.
    pub count: u64,
    /// Readings that another one of the same instant replaced.
    pub repeats: u64,
    /// The lowest power of a reading in it, and the earliest instant of it.
    pub min: Option<Sample>,
    /// The highest power of a reading in it, and the earliest instant of it.
    pub max: Option<Sample>,
    pub(super) energy: WattSeconds,
    pub(super) covered_micros: i64,
}

impl Bucket {
    pub(super) const fn empty(range: Range) -> Self {
        let energy = WattSeconds { import: 0.0, export: 0.0 };
        Self { range, count: 0, repeats: 0, min: None, max: None, energy, covered_micros: 0 }
    }

    pub(super) fn add(&mut self, summary: &Summary) {
        self.count += summary.count;
        self.repeats += summary.repeats;
        self.min = Some(self.min.map_or(summary.min, |min| lower(min, summary.min)));
        self.max = Some(self.max.map_or(summary.max, |max| higher(max, summary.max)));
        self.energy.add(summary.energy);
        self.covered_micros += summary.covered_micros;
    }

    pub(super) fn add_energy(&mut self, energy: WattSeconds, micros: i64) {
        self.energy.add(energy);
        self.covered_micros += micros;
    }

    /// Energy; `None` where no time is covered, which is not the same as no energy.
    #[must_use]
    pub const fn energy(&self) -> Option<WattSeconds> {
        if self.covered_micros > 0 { Some(self.energy) } else { None }
    }

    /// Time-weighted mean power in watts: energy by covered time, so a repeat and a burst of readings do not
    /// change it. `None` where no time is covered, or for an overflow.
    #[must_use]
    pub fn mean_watts(&self) -> Option<f64> {
        Some(self.energy()?.net()? / seconds(self.covered_micros))
    }

    /// Seconds over which a reading holds.
    #[must_use]
    pub fn covered_seconds(&self) -> f64 {
        seconds(self.covered_micros)
    }

    /// Covered time by the length of the bucket, 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        seconds(self.covered_micros) / seconds(self.range.micros())
    }
}

/// The buckets of a device, with those that have nothing between them.
#[must_use]
pub fn with_empty(all: &Buckets, found: Vec<Bucket>) -> Vec<Bucket> {
    let mut found = found.into_iter().peekable();
    let bucket = |index| {
        let range = all.bucket(index);
        found.next_if(|bucket| bucket.range == range).unwrap_or_else(|| Bucket::empty(range))
    };
    (0..all.count()).map(bucket).collect()
}
