//! Green Button: usage as an Atom feed of ESPI resources.
//!
//! Source: NAESB REQ.21 (Energy Services Provider Interface), as `espi.xsd` of the Green Button Alliance has it. An `IntervalBlock`
//! has the values, the `ReadingType` of its `MeterReading` their unit, power of ten and direction; links of the feed connect
//! the three. Times are seconds since 1970, of the start of an interval.

mod document;
mod feed;
mod reading_type;

use chrono::{DateTime, TimeDelta};

use self::document::IntervalReading;
use self::feed::Feed;
use self::reading_type::ReadingType;
use crate::error::{FileError, RowError};
use crate::text::Text;
use crate::understood::Understood;
use crate::value::Opened;
use crate::value::{Content, Reader, Row, Value};

/// Reads the `IntervalReading`s of a feed.
///
/// # Errors
/// When it is no XML, too long, or has values without a unit.
pub fn open(text: Text) -> Result<Opened, FileError> {
    let reader = GreenButton::read(&text.into_document()?)?;
    let understood = Understood {
        kind: "Green Button, in XML".to_owned(),
        columns: vec!["`ReadingType` has unit, power of ten and direction".to_owned()],
        times: "times are seconds since 1970, in UTC".to_owned(),
        interval: "intervals of `duration` from `start` on".to_owned(),
        ..Understood::default()
    };
    Ok((Box::new(reader), understood))
}

/// The values of a feed.
struct GreenButton {
    readings: std::vec::IntoIter<(IntervalReading, ReadingType)>,
    number: u64,
}

impl GreenButton {
    /// Reads the whole feed, as the unit of a value may be after it.
    ///
    /// # Errors
    /// When it is no XML, too long, or has values without a unit.
    fn read(text: &str) -> Result<Self, FileError> {
        let feed = Feed::new(document::entries(text)?);
        Ok(Self { readings: feed.into_readings()?.into_iter(), number: 0 })
    }
}

impl Reader for GreenButton {
    fn next_row(&mut self) -> Result<Option<Row>, FileError> {
        let Some((reading, kind)) = self.readings.next() else { return Ok(None) };
        self.number += 1;
        Ok(Some(Row {
            line: self.number,
            text: reading.to_string(),
            content: content(&reading, &kind),
        }))
    }
}

fn content(reading: &IntervalReading, kind: &ReadingType) -> Content {
    if !kind.is_electricity() {
        return Content::Ignored;
    }
    if reading.value.is_empty() {
        return Content::Values { values: Vec::new(), missing: 1 };
    }
    match value(reading, kind) {
        Ok(value) => Content::Values { values: vec![value], missing: 0 },
        Err(error) => Content::Invalid(error),
    }
}

fn value(reading: &IntervalReading, kind: &ReadingType) -> Result<Value, RowError> {
    let seconds = reading.start.parse().ok().and_then(|start| DateTime::from_timestamp(start, 0));
    let start = seconds.ok_or_else(|| RowError::new("start", "must be seconds since 1970"))?;
    let length =
        reading.duration.parse().ok().filter(|seconds| *seconds > 0).or(kind.interval_length);
    let length = length.and_then(TimeDelta::try_seconds);
    let length = length.ok_or_else(|| RowError::new("duration", "must be a number of seconds"))?;
    let number = reading.value.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.ok_or_else(|| RowError::new("value", "must be a number"))?;
    let quantity = kind.quantity(number).ok_or_else(|| RowError::new("uom", "must be W or Wh"))?;
    let length = (!kind.is_of_instants()).then_some(length);
    Ok(Value {
        site: None,
        device: None,
        channel: kind.channel().to_owned(),
        start,
        length,
        quantity,
    })
}

#[cfg(test)]
mod tests;
