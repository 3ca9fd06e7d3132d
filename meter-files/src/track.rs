//! The values of one device, and the readings that they become.
//!
//! A reading holds until the next one of its device. So an interval is a reading at its start, and the next interval ends it.
//! Where none follows, one more reading with the same power, a microsecond before the end, gives the interval its length: at
//! the end itself it would collide with the next file's first reading, and with 0 W it would be a value that no meter sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::RowError;
use crate::report::{MAX_GAP, Report};
use crate::value::{Quantity, Value};

/// How far the closing reading is before the end of an interval: the unit of instants in the service.
const BEFORE_END: TimeDelta = TimeDelta::microseconds(1);

/// How many intervals of a device are remembered. Too low: a row that repeats an earlier one is counted as further energy in
/// the summary. Too high: memory, 50 bytes each, for each device.
const REMEMBERED: usize = 1_000;

/// The largest number of W or Wh. Too low: values are refused that the service accepts. Too high: Wh of a short interval are
/// more W than there are numbers.
const MAX_NUMBER: f64 = 1e300;

/// A reading without its device.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The line of the row.
    pub line: u64,
    /// The text of the row.
    pub text: Arc<str>,
    /// Power in W.
    pub watts: f64,
    /// The instant.
    pub at: DateTime<Utc>,
}

/// The state of a device.
#[derive(Debug, Default)]
pub struct Track {
    run: Option<Run>,
    instant: Option<Sample>,
    counter: Option<(DateTime<Utc>, f64)>,
    watt_hours: BTreeMap<DateTime<Utc>, f64>,
    energy: f64,
}

/// Intervals without a pause between them.
#[derive(Debug)]
struct Run {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    /// The last interval in time, at its start.
    last: Sample,
}

impl Track {
    /// Adds a value, and the readings that it becomes to `samples`.
    ///
    /// # Errors
    /// When an energy has no interval.
    pub fn add(
        &mut self,
        value: &Value,
        (line, text): (u64, &Arc<str>),
        max_power: Option<f64>,
        samples: &mut Vec<Sample>,
        report: &mut Report,
    ) -> Result<(), RowError> {
        let (Quantity::Watts(number)
        | Quantity::WattHours(number)
        | Quantity::CounterWattHours(number)) = value.quantity;
        if number.abs() > MAX_NUMBER {
            return Err(RowError::new("value", "is too large"));
        }
        let sample =
            |at, watts: f64| Sample { line, text: Arc::clone(text), watts: rounded(watts), at };
        match (value.quantity, value.length) {
            (Quantity::Watts(watts), Some(length)) => {
                self.add_interval(
                    sample(value.start, watts),
                    (length, watts * hours(length)),
                    samples,
                    report,
                );
            }
            (Quantity::WattHours(watt_hours), Some(length)) => {
                let sample = sample(value.start, watt_hours / hours(length));
                self.add_interval(sample, (length, watt_hours), samples, report);
            }
            (Quantity::Watts(watts), None) => {
                self.add_instant(sample(value.start, watts), samples, report);
            }
            (Quantity::CounterWattHours(state), _) => {
                let step = self.counter_step(value.start, state, max_power, report);
                if let Some((start, length, watt_hours)) = step {
                    let sample = sample(start, watt_hours / hours(length));
                    self.add_interval(sample, (length, watt_hours), samples, report);
                }
            }
            (Quantity::WattHours(_), None) => {
                return Err(RowError::new(
                    "interval",
                    "energy needs an interval; choose it by --interval",
                ));
            }
        }
        Ok(())
    }

    /// The energy in Wh since this was called last.
    pub fn take_energy(&mut self) -> f64 {
        std::mem::take(&mut self.energy)
    }

    fn add_interval(
        &mut self,
        sample: Sample,
        (length, watt_hours): (TimeDelta, f64),
        samples: &mut Vec<Sample>,
        report: &mut Report,
    ) {
        let (start, end) = (sample.at, sample.at + length);
        report.add_interval(length);
        let earlier = self.remember(start, watt_hours);
        self.energy += watt_hours - earlier.unwrap_or_default();
        report.repeated += u64::from(earlier.is_some());
        samples.push(sample.clone());
        match &mut self.run {
            Some(run) if run.end == start => (run.end, run.last) = (end, sample),
            Some(run) if run.start == end => run.start = start,
            Some(run) if earlier.is_some() && run.last.at == start => run.last = sample,
            Some(_) if earlier.is_some() => {}
            Some(run) => {
                let pause = if start > run.end { start - run.end } else { run.start - end };
                report.missing_intervals += count(pause, length);
                self.close(samples, report);
                self.run = Some(Run { start, end, last: sample });
            }
            None => self.run = Some(Run { start, end, last: sample }),
        }
    }

    /// Closes the last interval, if there is one.
    pub fn close(&mut self, samples: &mut Vec<Sample>, report: &mut Report) {
        if let Some(Run { end, last, .. }) = self.run.take() {
            report.closing += 1;
            samples.push(Sample { at: end - BEFORE_END, ..last });
        }
    }

    fn add_instant(&mut self, sample: Sample, samples: &mut Vec<Sample>, report: &mut Report) {
        if let Some(last) = &self.instant {
            let step = sample.at - last.at;
            report.repeated += u64::from(step.is_zero());
            // The earlier one of both holds.
            let watts = if step < TimeDelta::zero() { sample.watts } else { last.watts };
            if step.abs() <= MAX_GAP {
                self.energy += watts * hours(step.abs());
            }
        }
        self.instant = Some(sample.clone());
        samples.push(sample);
    }

    /// Start, length and energy of the time between this state of the counter and the one before.
    fn counter_step(
        &mut self,
        at: DateTime<Utc>,
        state: f64,
        max_power: Option<f64>,
        report: &mut Report,
    ) -> Option<(DateTime<Utc>, TimeDelta, f64)> {
        let (last_at, last_state) = self.counter.replace((at, state))?;
        let (start, length, step) = if at >= last_at {
            (last_at, at - last_at, state - last_state)
        } else {
            (at, last_at - at, last_state - state)
        };
        if length.is_zero() {
            report.repeated += 1;
            return None;
        }
        if step < 0.0 {
            report.counter_resets += 1;
            return None;
        }
        if max_power.is_some_and(|limit| step / hours(length) > limit) {
            report.implausible_steps += 1;
            return None;
        }
        Some((start, length, step))
    }

    /// Remembers the energy of an interval, and returns the one that is known for its start.
    fn remember(&mut self, start: DateTime<Utc>, watt_hours: f64) -> Option<f64> {
        let earlier = self.watt_hours.insert(start, watt_hours);
        if self.watt_hours.len() > REMEMBERED {
            let is_last = self.watt_hours.last_key_value().is_some_and(|(last, _)| *last == start);
            if is_last {
                self.watt_hours.pop_first()
            } else {
                self.watt_hours.pop_last()
            };
        }
        earlier
    }
}

/// A length in hours.
#[expect(clippy::cast_precision_loss, reason = "exact for intervals of up to 285 years")]
fn hours(length: TimeDelta) -> f64 {
    length.num_microseconds().unwrap_or(i64::MAX) as f64 / 3.6e9
}

/// To a millionth of a watt, so that a power has one spelling: idempotency keys contain it.
fn rounded(watts: f64) -> f64 {
    const DIGITS: f64 = 1e6;
    /// Above it a double has no digits to round.
    const LIMIT: f64 = 1e9;
    let watts = if watts.abs() < LIMIT { (watts * DIGITS).round() / DIGITS } else { watts };
    // Not -0.
    watts + 0.0
}

/// How many intervals of a length are in a pause.
fn count(pause: TimeDelta, length: TimeDelta) -> u64 {
    u64::try_from(
        pause.num_microseconds().unwrap_or(0) / length.num_microseconds().unwrap_or(1).max(1),
    )
    .unwrap_or(0)
}
