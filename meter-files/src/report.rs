//! What came out of a file: counts and energy.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::shape::duration::Interval;

/// The longest pause that a value holds for, unless a question says otherwise (decision 44).
pub(crate) const MAX_GAP: TimeDelta = TimeDelta::hours(2);

/// Counts, energy, and the first and last instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Readings, those that close intervals included.
    pub readings: u64,
    /// Readings that close the last interval before a pause or the end.
    pub closing: u64,
    /// Values that are empty or marked as unknown.
    pub missing_values: u64,
    /// Intervals between the first and the last value of a device that have no value.
    pub missing_intervals: u64,
    /// Values at an instant of an earlier row.
    pub repeated: u64,
    /// Lines that are no rows: footers, second headers.
    pub ignored_lines: u64,
    /// Steps of counters that are negative: resets.
    pub counter_resets: u64,
    /// Steps of counters above the maximum power.
    pub implausible_steps: u64,
    /// The longest interval.
    pub longest_interval: Option<Interval>,
    /// The earliest and the latest instant of a reading.
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Energy of each device in Wh, by step-hold.
    pub watt_hours: BTreeMap<String, f64>,
}

impl Report {
    /// Adds energy of a device.
    pub(crate) fn add_energy(&mut self, device: &str, watt_hours: f64) {
        match self.watt_hours.get_mut(device) {
            Some(sum) => *sum += watt_hours,
            None => {
                self.watt_hours.insert(device.to_owned(), watt_hours);
            }
        }
    }

    /// Counts a reading.
    pub(crate) fn add_reading(&mut self, at: DateTime<Utc>) {
        self.readings += 1;
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
    }

    /// Keeps the length of the longest interval.
    pub(crate) fn add_interval(&mut self, length: TimeDelta) {
        let longest = self.longest_interval.map_or(TimeDelta::zero(), Interval::length);
        if length > longest {
            self.longest_interval = Interval::new(length);
        }
    }

    /// Energy of all devices in kWh.
    #[must_use]
    pub fn kilowatt_hours(&self) -> f64 {
        self.watt_hours.values().sum::<f64>() / 1000.0
    }

    /// What is worth a sentence, one each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let counts = [
            (self.missing_values, "values are empty or unknown, and were skipped"),
            (self.missing_intervals, "intervals have no value"),
            (
                self.repeated,
                "values have the instant of an earlier row: of equal instants the last one counts",
            ),
            (self.ignored_lines, "lines are no rows, such as a footer"),
            (self.counter_resets, "steps of a counter are negative (a reset), and were skipped"),
            (
                self.implausible_steps,
                "steps of a counter are above the maximum power, and were skipped",
            ),
        ];
        let remarks = counts.into_iter().filter(|(count, _)| *count > 0);
        let remarks = remarks.map(|(count, what)| format!("{count} {what}"));
        remarks.chain(self.max_gap()).collect()
    }
}

impl Report {
    /// What to ask `/energy` for, so that pauses have no energy and long intervals have all of theirs.
    fn max_gap(&self) -> Option<String> {
        let longest = self.longest_interval?;
        let is_default_enough = longest.length() <= MAX_GAP && self.missing_intervals == 0;
        (!is_default_enough)
            .then(|| format!("for the energy of the file alone, ask with max_gap={longest}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kWh       {:.3}", self.kilowatt_hours())?;
        if let Some((first, last)) = self.span {
            let shown = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string();
            write!(f, "\nfirst     {}\nlast      {}", shown(first), shown(last))?;
        }
        Ok(())
    }
}
