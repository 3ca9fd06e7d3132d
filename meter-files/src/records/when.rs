//! When a value was measured: the fields of time of a record.

use chrono::{DateTime, TimeDelta, Utc};

use super::length;
use crate::error::RowError;
use crate::shape::Times;
use crate::time::WrittenTime;
use crate::time::clock::Clock;
use crate::time::format::TimeFormat;

/// Which fields say when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFields {
    /// One field.
    One(usize),
    /// Date and time.
    Two(usize, usize),
    /// Start and end.
    StartAndEnd(usize, usize),
    /// Start and end in one field.
    Period(usize),
    /// Date, and number of the interval of the day.
    Numbered(usize, usize),
}

/// Reads the times of records.
#[derive(Debug)]
pub struct When {
    /// Where they are.
    pub fields: TimeFields,
    /// The name of the field that errors show.
    pub name: String,
    /// How they are written.
    pub format: TimeFormat,
    /// Which end of an interval they denote.
    pub labels: Times,
    /// The length of intervals, where no field has their ends; `None` of instants.
    pub length: Option<TimeDelta>,
    /// The field of the length of an interval.
    pub length_field: Option<usize>,
    /// The clock.
    pub clock: Clock,
}

/// Start and length.
pub type Interval = (DateTime<Utc>, Option<TimeDelta>);

impl TimeFields {
    /// The written time; of start and end the start.
    pub fn text(&self, fields: &[String]) -> String {
        let field = |place: usize| fields.get(place).map_or("", String::as_str);
        match *self {
            Self::One(place) | Self::StartAndEnd(place, _) | Self::Numbered(place, _) => {
                field(place).to_owned()
            }
            Self::Two(date, time) => format!("{} {}", field(date), field(time)),
            Self::Period(place) => {
                length::period(field(place)).map_or("", |(start, _)| start).to_owned()
            }
        }
    }

    /// The first of the fields.
    pub fn first(&self) -> usize {
        let (Self::One(place)
        | Self::Two(place, _)
        | Self::StartAndEnd(place, _)
        | Self::Period(place)
        | Self::Numbered(place, _)) = *self;
        place
    }
}

impl When {
    /// Whether a record is a row of the table: it has a digit where a time should be.
    pub fn is_in(&self, fields: &[String]) -> bool {
        self.fields.text(fields).contains(|sign: char| sign.is_ascii_digit())
    }

    /// When the values of a record were measured.
    ///
    /// # Errors
    /// When there is no time, or one that cannot be read.
    pub fn interval(&mut self, device: &str, fields: &[String]) -> Result<Interval, RowError> {
        let text = self.fields.text(fields);
        let interval = self.parsed(device, &text, fields);
        interval.map_err(|reason| RowError::new(&self.name, reason))
    }

    fn parsed(&mut self, device: &str, text: &str, fields: &[String]) -> Result<Interval, String> {
        let written = self.format.parse(text)?;
        let field = |place: usize| fields.get(place).map_or("", String::as_str);
        match self.fields {
            TimeFields::StartAndEnd(_, end) => {
                let end = self.format.parse(field(end))?;
                return self.between(device, written, end);
            }
            TimeFields::Period(place) => {
                let end = length::period(field(place)).map_or("", |(_, end)| end);
                let end = self.format.parse(end)?;
                return self.between(device, written, end);
            }
            TimeFields::Numbered(_, number) => {
                return self.numbered(device, written, field(number));
            }
            TimeFields::One(_) | TimeFields::Two(..) => {}
        }
        let length = match self.length_field {
            Some(place) => Some(length::parse(field(place))?),
            None => self.length,
        };
        let Some(length) = length else {
            return Ok((self.clock.instant(device, written)?, None));
        };
        // A day by the local clock has 23 to 25 hours.
        if length.num_seconds() % 86_400 == 0 && written.offset.is_none() {
            let (start, end) = match self.labels {
                Times::Start => (written.local, written.local + length),
                Times::End => (written.local - length, written.local),
            };
            let local = |local| WrittenTime { local, offset: None };
            return self.between(device, local(start), local(end));
        }
        let label = self.clock.instant(device, written)?;
        let start = if self.labels == Times::End { label - length } else { label };
        Ok((start, Some(length)))
    }

    /// The interval with this number, from 1, of a day.
    fn numbered(
        &mut self,
        device: &str,
        midnight: WrittenTime,
        number: &str,
    ) -> Result<Interval, String> {
        let length = self.length.ok_or("intervals with numbers need a length")?;
        let number: i32 =
            number.parse().map_err(|_| format!("`{number}` is no number of an interval"))?;
        let start = self.clock.instant(device, midnight)? + length * (number - 1);
        // A day has up to 25 hours.
        if number < 1 || length * number > TimeDelta::hours(25) {
            return Err(format!("a day has no interval {number}"));
        }
        Ok((start, Some(length)))
    }

    fn between(
        &mut self,
        device: &str,
        start: WrittenTime,
        end: WrittenTime,
    ) -> Result<Interval, String> {
        let start = self.clock.instant(device, start)?;
        let end = self.clock.end_after(start, end)?;
        if end <= start {
            return Err("the interval ends before it starts".to_owned());
        }
        Ok((start, Some(end - start)))
    }
}
