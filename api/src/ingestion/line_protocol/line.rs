//! The lines of a body of line protocol, without a copy.
//!
//! The form is that of [InfluxDB](https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/):
//! `measurement[,tag=value…] field=value[,field=value…] [timestamp]`. Commas, equals signs and spaces are escaped by a
//! backslash; only the strings of fields have quotation marks, and may have line breaks in them.

use super::line_error::LineError;
use super::pairs::{Pair, fields_end, unescaped_end};
use super::text::Text;

/// A line: what it measures, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub measurement: Text<'a>,
    /// `key=value`, separated by commas; all of them valid.
    pub tags: &'a str,
    /// The same.
    pub fields: &'a str,
    /// In the unit of the request.
    pub timestamp: Option<i64>,
}

/// A line as it was sent, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberedLine<'a> {
    /// From 1.
    pub number: u64,
    pub text: &'a [u8],
    pub line: Result<Line<'a>, LineError>,
}

/// The lines of a body, without blank ones and comments.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    number: u64,
}

impl<'a> Lines<'a> {
    pub const fn new(body: &'a [u8]) -> Self {
        Self { rest: body, number: 1 }
    }

    /// Goes on behind this number of bytes and the line break that follows.
    fn advance(&mut self, bytes: usize) {
        let (line, rest) = self.rest.split_at(bytes);
        self.number += line.split(|byte| *byte == b'\n').count() as u64;
        self.rest = rest.get(1..).unwrap_or_default();
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = NumberedLine<'a>;

    fn next(&mut self) -> Option<NumberedLine<'a>> {
        while !self.rest.is_empty() {
            let (number, text) = (self.number, self.rest);
            let break_at = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
            let first = text[..break_at].trim_ascii();
            if first.is_empty() || first.starts_with(b"#") {
                self.advance(break_at);
                continue;
            }
            let (line, end) = match sections(text) {
                Ok((sections, end)) => (sections.parse(), end),
                // The next line is another one, whatever is open here.
                Err(error) => (Err(error), break_at),
            };
            self.advance(end);
            return Some(NumberedLine { number, text: text[..end].trim_ascii(), line });
        }
        None
    }
}

/// The parts of a line, not checked yet.
struct Sections<'a> {
    measurement: &'a [u8],
    tags: &'a [u8],
    fields: &'a [u8],
    timestamp: &'a [u8],
}

/// Finds the parts and the end of the first line.
fn sections(text: &[u8]) -> Result<(Sections<'_>, usize), LineError> {
    let start = text.iter().position(|byte| *byte != b' ').unwrap_or(text.len());
    let series_end = start + unescaped_end(&text[start..], b" \n");
    let series = &text[start..series_end];
    let name_end = unescaped_end(series, b",");
    let fields_start = series_end + spaces(&text[series_end..]);
    let fields_end = fields_start + fields_end(&text[fields_start..])?;
    let rest = &text[fields_end..];
    let end = fields_end + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let sections = Sections {
        measurement: &series[..name_end],
        tags: series.get(name_end + 1..).unwrap_or_default(),
        // Without the first half of a line break of Windows.
        fields: text[fields_start..fields_end].trim_ascii_end(),
        timestamp: text[fields_end..end].trim_ascii(),
    };
    // A comma without a tag behind it.
    if name_end + 1 == series.len() { Err(LineError::Tag) } else { Ok((sections, end)) }
}

fn spaces(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte != b' ').unwrap_or(text.len())
}

impl<'a> Sections<'a> {
    fn parse(&self) -> Result<Line<'a>, LineError> {
        let text = |bytes: &'a [u8]| str::from_utf8(bytes).map_err(|_| LineError::NotUtf8);
        if self.measurement.is_empty() {
            return Err(LineError::NoMeasurement);
        }
        let (tags, fields) = (text(self.tags)?, text(self.fields)?);
        let line = Line {
            measurement: Text::new(text(self.measurement)?),
            tags,
            fields,
            timestamp: timestamp(self.timestamp)?,
        };
        if fields.is_empty() {
            return Err(LineError::NoField);
        }
        if line.tags().any(|tag| tag.is_none_or(|tag| tag.value.is_empty())) {
            return Err(LineError::Tag);
        }
        if line.fields().any(|field| field.is_none_or(|field| !field.is_value())) {
            return Err(LineError::Field);
        }
        Ok(line)
    }
}

fn timestamp(text: &[u8]) -> Result<Option<i64>, LineError> {
    if text.is_empty() {
        return Ok(None);
    }
    let text = str::from_utf8(text).map_err(|_| LineError::Timestamp)?;
    text.parse().map(Some).map_err(|_| LineError::Timestamp)
}

impl<'a> Line<'a> {
    /// The tags; `None` for one that has no form.
    pub fn tags(&self) -> impl Iterator<Item = Option<Pair<'a>>> {
        Pair::tags(self.tags)
    }

    /// The fields; `None` for one that has no form.
    pub fn fields(&self) -> impl Iterator<Item = Option<Pair<'a>>> {
        Pair::fields(self.fields)
    }

    /// The names of the fields, for people.
    pub fn field_names(&self) -> String {
        let names = self.fields().flatten().map(|field| field.key.unescaped().into_owned());
        names.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
