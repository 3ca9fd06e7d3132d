//! The rows of NDJSON: one JSON object a line.

use super::body::parse_row;
use super::parsed_row::ParsedRow;
use super::row_key::RowKey;

/// Parses row after row. Blank lines are skipped.
#[derive(Debug)]
pub struct NdjsonRows<'a> {
    rest: &'a [u8],
    line: u64,
}

impl<'a> NdjsonRows<'a> {
    /// Begins at the first line.
    #[must_use]
    pub const fn new(body: &'a [u8]) -> Self {
        Self { rest: body, line: 0 }
    }
}

impl<'a> Iterator for NdjsonRows<'a> {
    type Item = ParsedRow<'a>;

    fn next(&mut self) -> Option<ParsedRow<'a>> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            let (line, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            self.rest = rest.get(1..).unwrap_or_default();
            self.line += 1;
            if !line.trim_ascii().is_empty() {
                return Some(parse_line(self.line, line));
            }
        }
        None
    }
}

fn parse_line(number: u64, line: &[u8]) -> ParsedRow<'_> {
    match parse_row(line) {
        Ok((values, key)) => {
            let key = key.map(|key| RowKey::new(key, line.into()));
            ParsedRow { line: number, reading: Ok(values), key }
        }
        Err(errors) => ParsedRow { line: number, reading: Err(errors), key: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_lines_of_the_body_and_blank_ones_are_skipped() {
        let reading =
            r#"{"site_id":"s","device_id":"d","power_reading":1,"timestamp":"2024-01-15"}"#;
        let body = format!("\u{feff}{reading}\r\n\n \t\nx\n{reading}");
        let rows = NdjsonRows::new(body.as_bytes());
        let found: Vec<_> = rows.map(|row| (row.line, row.reading.is_ok())).collect();
        assert_eq!(found, [(1, true), (4, false), (5, true)]);
    }
}
