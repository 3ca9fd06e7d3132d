//! A `200` record: the data stream that the days after it belong to.

use chrono::TimeDelta;

use crate::error::RowError;
use crate::shape::unit::Unit;

/// A data stream of a meter.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The connection point (NMI), which is the device.
    pub device: String,
    /// What is appended to the device's name.
    pub channel: String,
    /// The unit; `None` of reactive energy and of whatever else is no power and no energy.
    pub unit: Option<Unit>,
    /// The length of an interval.
    pub length: TimeDelta,
}

const MINUTES_OF_A_DAY: i64 = 24 * 60;

impl Stream {
    /// Reads a record: 200, NMI, configuration, register, suffix, stream, serial number, unit, length, next read.
    ///
    /// # Errors
    /// When a field is missing or the length does not divide a day.
    pub fn of(record: &[&str]) -> Result<Self, RowError> {
        let [_, nmi, _, _, suffix, _, _, unit, length, ..] = record else {
            return Err(RowError::new("200", "a field is missing"));
        };
        let minutes = length.parse().ok().filter(|minutes| divides_a_day(*minutes));
        let minutes = minutes
            .ok_or_else(|| RowError::new("IntervalLength", "must divide a day, in minutes"))?;
        Ok(Self {
            device: (*nmi).to_owned(),
            channel: channel(suffix),
            unit: unit.parse().ok(),
            length: TimeDelta::minutes(minutes),
        })
    }

    /// The number of intervals of a day.
    pub fn intervals(&self) -> usize {
        usize::try_from(MINUTES_OF_A_DAY / self.length.num_minutes()).unwrap_or(usize::MAX)
    }
}

fn divides_a_day(minutes: i64) -> bool {
    (1..=MINUTES_OF_A_DAY).contains(&minutes) && MINUTES_OF_A_DAY % minutes == 0
}

/// `E1` is consumption and the meter's own, `B1` is what it feeds in, others (a controlled load `E2`) have names of
/// their own. AEMO's "export" is the consumer's import.
fn channel(suffix: &str) -> String {
    match suffix.to_ascii_uppercase().as_str() {
        "E1" => String::new(),
        "B1" => "-export".to_owned(),
        other => format!("-{}", other.to_ascii_lowercase()),
    }
}
