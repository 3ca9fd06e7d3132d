//! A `300` record, with the `400` records after it: the values of a day.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::stream::Stream;
use crate::error::RowError;
use crate::number::is_missing;
use crate::shape::unit::{Measure, Unit};
use crate::time::zone::{Offsets, Zone};
use crate::value::{Content, Quantity, Row, Value};

/// The quality of a value that is not known: null data.
const NULL_DATA: &str = "N";
/// The quality of a day whose intervals have qualities of their own, in `400` records.
const VARIABLE: &str = "V";

/// A day of a stream.
#[derive(Debug)]
pub struct Day {
    stream: Stream,
    date: NaiveDate,
    /// A number for each interval; `None` of one that is not known.
    numbers: Vec<Option<f64>>,
    line: u64,
    text: String,
}

impl Day {
    /// Reads a record: 300, date, a value for each interval, quality, …
    ///
    /// # Errors
    /// When the date is invalid, or a value is missing or no number.
    pub fn of(stream: &Stream, record: &[&str], line: u64, text: &str) -> Result<Self, RowError> {
        let date = record.get(1).and_then(|date| NaiveDate::parse_from_str(date, "%Y%m%d").ok());
        let date =
            date.ok_or_else(|| RowError::new("IntervalDate", "must be written as YYYYMMDD"))?;
        let count = stream.intervals();
        let values = record.get(2..2 + count).ok_or_else(|| {
            let reason =
                format!("a day has {count} of them, this one {}", record.len().saturating_sub(2));
            RowError::new("IntervalValue", reason)
        })?;
        let mut numbers =
            values.iter().map(|value| number(value)).collect::<Result<Vec<_>, _>>()?;
        let quality = record.get(2 + count).copied().unwrap_or_default();
        if !quality.starts_with(VARIABLE) && quality.starts_with(NULL_DATA) {
            numbers.fill(None);
        }
        Ok(Self { stream: stream.clone(), date, numbers, line, text: text.to_owned() })
    }

    /// Takes a record in: 400, first interval (from 1), last one, quality, …
    ///
    /// # Errors
    /// When the intervals are none of a day.
    pub fn set_quality(&mut self, record: &[&str]) -> Result<(), RowError> {
        let number = |at: usize| record.get(at).and_then(|text| text.parse::<usize>().ok());
        let range = number(1).zip(number(2)).filter(|(first, last)| (1..=*last).contains(first));
        let intervals = range.and_then(|(first, last)| self.numbers.get_mut(first - 1..last));
        let intervals = intervals.ok_or_else(|| {
            RowError::new("400", "StartInterval and EndInterval are none of a day")
        })?;
        if record.get(3).is_some_and(|quality| quality.starts_with(NULL_DATA)) {
            intervals.fill(None);
        }
        Ok(())
    }

    /// The row of its values.
    pub fn into_row(self, zone: Zone) -> Row {
        let content = match (self.midnight(zone), self.stream.unit) {
            (Some(midnight), Some(unit)) => self.values(midnight, unit),
            _ => Content::Invalid(RowError::new(
                "IntervalDate",
                format!("the day has no midnight in {zone}"),
            )),
        };
        Row { line: self.line, text: self.text, content }
    }

    fn midnight(&self, zone: Zone) -> Option<DateTime<Utc>> {
        let local = self.date.and_time(NaiveTime::MIN);
        let (Offsets::One(offset) | Offsets::Repeated(offset, _)) = zone.offsets(local) else {
            return None;
        };
        Some(local.checked_sub_offset(offset)?.and_utc())
    }

    fn values(&self, midnight: DateTime<Utc>, unit: Unit) -> Content {
        let length = self.stream.length;
        let mut start = midnight;
        let mut values = Vec::with_capacity(self.numbers.len());
        for number in &self.numbers {
            values.extend(number.map(|number| self.value(start, quantity(unit, number))));
            start += length;
        }
        let missing = u64::try_from(self.numbers.len() - values.len()).unwrap_or(u64::MAX);
        Content::Values { values, missing }
    }

    fn value(&self, start: DateTime<Utc>, quantity: Quantity) -> Value {
        let Stream { device, channel, length, .. } = &self.stream;
        let length: Option<TimeDelta> = Some(*length);
        Value {
            site: None,
            device: Some(device.clone()),
            channel: channel.clone(),
            start,
            length,
            quantity,
        }
    }
}

/// Power is the mean of its interval here.
fn quantity(unit: Unit, number: f64) -> Quantity {
    let measure = if unit.is_energy() { Measure::Energy } else { Measure::Power };
    unit.quantity(number, measure).unwrap_or(Quantity::Watts(number))
}

fn number(text: &str) -> Result<Option<f64>, RowError> {
    if is_missing(text) {
        return Ok(None);
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(Some).ok_or_else(|| RowError::new("IntervalValue", format!("`{text}` is no number")))
}
