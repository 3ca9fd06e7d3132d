//! Summaries of a day, by device and quarter of an hour.

use std::collections::BTreeMap;

use super::day::Day;
use crate::energy::calendar::Range;
use crate::energy::integration::{
    Pushed, QUARTER_MICROS, Rules, Sample, Summarizer, Summary, end_of_quarter, quarter_of,
};
use crate::iso8601::Instant;

/// Summaries of one UTC day of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct DayRollup {
    /// The day.
    pub day: Day,
    /// Of the members that it is of, those that are no readings included: a rollup is valid while its day has this
    /// signature. That of a day in the sorted set alone is the number of its members.
    pub signature: u64,
    /// By device, one summary for each quarter that has readings, in the order of time.
    pub devices: BTreeMap<Box<str>, Vec<Summary>>,
}

impl DayRollup {
    /// The summaries of each device that begin within a range.
    pub fn within(&self, range: Range) -> impl Iterator<Item = (&str, &[Summary])> {
        let place = |summaries: &[Summary], instant: Instant| {
            summaries.partition_point(|summary| summary.first.instant < instant)
        };
        self.devices.iter().map(move |(id, summaries)| {
            (&**id, &summaries[place(summaries, range.start())..place(summaries, range.end())])
        })
    }
}

impl DayRollup {
    /// The beginning of the latest quarter that has readings, of whatever device.
    #[must_use]
    pub fn last_quarter(&self) -> Option<Instant> {
        let latest = self.devices.values().filter_map(|summaries| summaries.last());
        let quarter = latest.map(|summary| quarter_of(summary.first.instant)).max()?;
        Some(Instant::from_epoch_micros(quarter.saturating_mul(QUARTER_MICROS)))
    }

    /// Its readings before an instant, repeats included.
    #[must_use]
    pub fn readings_before(&self, instant: Instant) -> u64 {
        let all = self.devices.values().flatten();
        let before = all.filter(|summary| summary.first.instant < instant);
        before.map(|summary| summary.count + summary.repeats).sum()
    }

    /// Its summaries before the beginning of a quarter, and those of another rollup of the day, which is of the
    /// members from then on.
    #[must_use]
    pub fn followed_by(&self, from: Instant, later: Self) -> Self {
        let signature = self.readings_before(from) + later.signature;
        let mut devices = later.devices;
        for (id, summaries) in &self.devices {
            let before = summaries.partition_point(|summary| summary.first.instant < from);
            if before > 0 {
                let all = devices.entry(id.clone()).or_default();
                drop(all.splice(..0, summaries[..before].iter().copied()));
            }
        }
        Self { day: self.day, signature, devices }
    }
}

/// A reading of another day than its score says. Scores are rounded to 2^-22 s from the year 2242 on, and more
/// later: such a day has no rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reading is not of the day of its rollup")]
pub struct OutsideOfDay;

/// Summarizes the readings of one day, which arrive in the order of (instant, stream id) across devices.
#[derive(Debug)]
pub struct DayBuilder {
    day: Day,
    devices: BTreeMap<Box<str>, (Summarizer, Vec<Summary>)>,
}

impl DayBuilder {
    /// A day without readings.
    #[must_use]
    pub const fn new(day: Day) -> Self {
        Self { day, devices: BTreeMap::new() }
    }

    /// Adds a reading; one that is not finite, or came after a later one of its device, is ignored as in a
    /// question that is computed from members.
    ///
    /// # Errors
    /// When it is of another day: then the day cannot have a rollup.
    pub fn push(&mut self, device: &str, sample: Sample) -> Result<(), OutsideOfDay> {
        if Day::of(sample.instant) != self.day {
            return Err(OutsideOfDay);
        }
        if !self.devices.contains_key(device) {
            self.devices.insert(device.into(), Default::default());
        }
        let Some((summarizer, summaries)) = self.devices.get_mut(device) else { return Ok(()) };
        if let Pushed::Finished(summary) = summarizer.push(sample, RULES, end_of_quarter) {
            summaries.push(summary);
        }
        Ok(())
    }

    /// The summaries, after the last reading of the day.
    #[must_use]
    pub fn finish(self, signature: u64) -> DayRollup {
        let finish = |(summarizer, mut summaries): (Summarizer, Vec<Summary>)| {
            summaries.extend(summarizer.finish(RULES, end_of_quarter));
            summaries
        };
        let devices = self.devices.into_iter().map(|(id, device)| (id, finish(device)));
        let devices = devices.filter(|(_, summaries)| !summaries.is_empty()).collect();
        DayRollup { day: self.day, signature, devices }
    }
}

/// Within a quarter no pair is longer than the shortest max gap that uses rollups.
const RULES: Rules = Rules::STEP;
