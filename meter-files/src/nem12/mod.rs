//! NEM12: interval data of the Australian electricity market.
//!
//! Source: AEMO, Meter Data File Format Specification NEM12 & NEM13. A `200` record names a data stream of a meter, each
//! `300` record after it is a day of that stream with a value for each interval, from its start, and `400` records say
//! which of these intervals have another quality. Market time is UTC+10 all year.

mod day;
mod stream;

use std::io::{BufRead, Read};
use std::str::FromStr;

use chrono::FixedOffset;

use self::day::Day;
use self::stream::Stream;
use crate::error::{FileError, RowError};
use crate::shape::Shape;
use crate::text::Text;
use crate::time::zone::Zone;
use crate::understood::Understood;
use crate::value::Opened;
use crate::value::{Content, Reader, Row};

/// The longest record. Too low: a day of minutes is refused. Too high: memory, if the file has no line ends.
const MAX_LINE_BYTES: u64 = 256 * 1024;

/// Reads NEM12, a day in a row.
///
/// # Errors
/// When the zone is unknown.
pub fn open(text: Text, shape: &Shape) -> Result<Opened, FileError> {
    let reader = Nem12::new(text.into_reader(), shape.zone.as_deref())?;
    let understood = Understood {
        kind: "NEM12".to_owned(),
        columns: vec![
            "a 200 record has device, channel, unit and interval, a 300 record the values of a day"
                .to_owned(),
        ],
        times: format!("days begin at midnight in {}", reader.zone),
        interval: "values are of intervals, from their start on".to_owned(),
        ..Understood::default()
    };
    Ok((Box::new(reader), understood))
}

/// The records of a file.
struct Nem12<R> {
    lines: R,
    number: u64,
    zone: Zone,
    stream: Option<Result<Stream, RowError>>,
    /// A day whose `400` records may follow.
    day: Option<Day>,
    /// A record that was read after the last `400` record of a day.
    ahead: Option<Row>,
}

impl<R: BufRead> Nem12<R> {
    /// Reads these lines. `zone`: that of the days, if it is not market time.
    ///
    /// # Errors
    /// When the zone is unknown.
    fn new(lines: R, zone: Option<&str>) -> Result<Self, FileError> {
        let zone = zone.map_or_else(|| Ok(market_time()), Zone::from_str);
        let zone = zone.map_err(|reason| FileError::shape(format!("the zone {reason}")))?;
        Ok(Self { lines, number: 0, zone, stream: None, day: None, ahead: None })
    }

    fn next_line(&mut self) -> Result<Option<String>, FileError> {
        let mut line = String::new();
        let read = self.lines.by_ref().take(MAX_LINE_BYTES).read_line(&mut line);
        let read = read.map_err(|reason| FileError::Read { line: self.number, reason })?;
        self.number += 1;
        if read as u64 == MAX_LINE_BYTES {
            return Err(FileError::shape(format!("line {} is too long for NEM12", self.number)));
        }
        Ok((read > 0).then(|| line.trim().to_owned()))
    }

    /// Takes a record in; returns the row that it completes or is.
    fn accept(&mut self, text: String) -> Option<Row> {
        let record: Vec<&str> = text.split(',').map(str::trim).collect();
        match record[0] {
            "200" => self.stream = Some(Stream::of(&record)),
            "300" => return self.begin_day(&record, &text),
            "400" => {
                let Some(day) = &mut self.day else { return None };
                if let Err(error) = day.set_quality(&record) {
                    return Some(self.row(text, Content::Invalid(error)));
                }
            }
            "" | "100" | "500" | "900" => {}
            other => {
                let reason = format!("`{other}` is no record of NEM12");
                return Some(
                    self.row(text.clone(), Content::Invalid(RowError::new("record", reason))),
                );
            }
        }
        None
    }

    /// A day is complete when a record of another kind follows.
    fn begin_day(&mut self, record: &[&str], text: &str) -> Option<Row> {
        let stream = match &self.stream {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => {
                return Some(self.row(text.to_owned(), Content::Invalid(error.clone())));
            }
            None => {
                let error = RowError::new("record", "a 300 record has no 200 record before it");
                return Some(self.row(text.to_owned(), Content::Invalid(error)));
            }
        };
        match stream.unit {
            None => Some(self.row(text.to_owned(), Content::Ignored)),
            Some(_) => match Day::of(stream, record, self.number, text) {
                Ok(day) => {
                    self.day = Some(day);
                    None
                }
                Err(error) => Some(self.row(text.to_owned(), Content::Invalid(error))),
            },
        }
    }

    fn row(&self, text: String, content: Content) -> Row {
        Row { line: self.number, text, content }
    }
}

/// AEMO's market time.
fn market_time() -> Zone {
    const SECONDS: i32 = 10 * 3600;
    Zone::Fixed(FixedOffset::east_opt(SECONDS).unwrap_or_else(|| chrono::Offset::fix(&chrono::Utc)))
}

impl<R: BufRead + Send> Reader for Nem12<R> {
    fn next_row(&mut self) -> Result<Option<Row>, FileError> {
        if let Some(row) = self.ahead.take() {
            return Ok(Some(row));
        }
        loop {
            let Some(text) = self.next_line()? else {
                return Ok(self.day.take().map(|day| day.into_row(self.zone)));
            };
            let complete = if text.starts_with("400") { None } else { self.day.take() };
            let row = self.accept(text);
            if let Some(day) = complete {
                self.ahead = row;
                return Ok(Some(day.into_row(self.zone)));
            }
            if row.is_some() {
                return Ok(row);
            }
        }
    }
}

#[cfg(test)]
mod tests;
