//! When a value was measured: the fields of time of a record.

use chrono::{DateTime, TimeDelta, Utc};

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
            Self::One(place) | Self::StartAndEnd(place, _) => field(place).to_owned(),
            Self::Two(date, time) => format!("{} {}", field(date), field(time)),
        }
    }
}

impl When {
    /// When the values of a record were measured; `None` if the record is no row of the table: it has no digit where a
    /// time should be.
    ///
    /// # Errors
    /// When there is a time that cannot be read.
    pub fn interval(
        &mut self,
        device: &str,
        fields: &[String],
    ) -> Result<Option<Interval>, RowError> {
        let text = self.fields.text(fields);
        if !text.contains(|sign: char| sign.is_ascii_digit()) {
            return Ok(None);
        }
        let name = self.name.clone();
        let interval = self.parsed(device, &text, fields);
        interval.map(Some).map_err(|reason| RowError::new(name, reason))
    }

    fn parsed(&mut self, device: &str, text: &str, fields: &[String]) -> Result<Interval, String> {
        let written = self.format.parse(text)?;
        if let TimeFields::StartAndEnd(_, end) = self.fields {
            let end = self.format.parse(fields.get(end).map_or("", String::as_str))?;
            return self.between(device, written, end);
        }
        let Some(length) = self.length else {
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
