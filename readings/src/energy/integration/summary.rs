//! What is kept of consecutive readings of one device.

use super::pair::Pair;
use super::rules::Rules;
use super::sample::Sample;
use super::watt_seconds::WattSeconds;

/// A summary of consecutive readings of one device. Of the readings of one instant the last one counts, the
/// others are repeats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Readings that count, at least one.
    pub count: u64,
    /// Readings that another one of the same instant replaced.
    pub repeats: u64,
    /// The earliest.
    pub first: Sample,
    /// The latest.
    pub last: Sample,
    /// The earliest of the lowest power.
    pub min: Sample,
    /// The earliest of the highest power.
    pub max: Sample,
    /// Energy from the first to the last.
    pub energy: WattSeconds,
    /// Microseconds from the first to the last, without gaps.
    pub covered_micros: i64,
}

impl Summary {
    /// The summary of one reading and its repeats.
    pub(in crate::energy) fn of(sample: Sample, repeats: u64) -> Self {
        Self {
            count: 1,
            repeats,
            first: sample,
            last: sample,
            min: sample,
            max: sample,
            energy: WattSeconds::default(),
            covered_micros: 0,
        }
    }

    /// Adds a later reading and its repeats.
    pub(super) fn add(&mut self, sample: Sample, repeats: u64, rules: Rules) {
        let pair = Pair { from: self.last, to: sample };
        let micros = self.last.micros_until(&sample);
        if micros <= rules.max_gap.micros() {
            let energy = pair.energy(rules.integration, pair.from.instant, pair.to.instant);
            self.energy.add(energy);
            self.covered_micros += micros;
        }
        self.count += 1;
        self.repeats += repeats;
        self.last = sample;
        self.min = lower(self.min, sample);
        self.max = higher(self.max, sample);
    }
}

/// The sample of lower power, of equal ones the first.
pub(super) fn lower(first: Sample, second: Sample) -> Sample {
    if second.watts < first.watts { second } else { first }
}

/// The sample of higher power, of equal ones the first.
pub(super) fn higher(first: Sample, second: Sample) -> Sample {
    if second.watts > first.watts { second } else { first }
}
