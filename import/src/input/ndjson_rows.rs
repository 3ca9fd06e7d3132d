//! NDJSON: one JSON object a line.

use std::io::BufRead;

use readings::rows::RowError;
use readings::rows::csv::header::{self, CarriageReturns};
use readings::rows::lines::{Line, Lines};
use serde::de::IgnoredAny;

use crate::input::request_body;
use crate::input::row::{InvalidRow, ParsedRow, ReadError, Row, RowReader};

/// Reads rows of NDJSON. Blank lines are skipped. The objects are validated by the service, not here.
#[derive(Debug)]
pub struct NdjsonRows<R> {
    lines: Lines<R>,
    first: Option<Line>,
}

/// The first line shows that the file is not NDJSON.
#[derive(Debug, thiserror::Error)]
pub enum NdjsonError {
    /// The line is a CSV header.
    #[error("this is not NDJSON but a table; `--format csv` reads it")]
    CsvHeader,
    /// The line is the start of an object.
    #[error("this is JSON over several lines; write one object a line, for example with `jq -c .`")]
    SeveralLines,
    /// The line contains carriage returns.
    #[error(transparent)]
    CarriageReturns(#[from] CarriageReturns),
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

impl<R: BufRead> NdjsonRows<R> {
    /// Reads the first line that is not blank.
    ///
    /// # Errors
    /// When it shows that the file is not NDJSON.
    pub fn open(lines: Lines<R>) -> Result<Self, NdjsonError> {
        let mut objects = Self { lines, first: None };
        objects.first = objects.next_line()?;
        if let Some(line) = &objects.first {
            check(line)?;
        }
        Ok(objects)
    }

    fn next_line(&mut self) -> Result<Option<Line>, ReadError> {
        loop {
            let line = self.lines.next_line();
            match line.map_err(|error| ReadError::after(self.lines.number(), error))? {
                Some(line) if line.is_whole && line.is_blank() => {}
                line => return Ok(line),
            }
        }
    }
}

impl<R: BufRead> RowReader for NdjsonRows<R> {
    fn next_row(&mut self) -> Result<Option<ParsedRow>, ReadError> {
        let line = match self.first.take() {
            Some(line) => Some(line),
            None => self.next_line()?,
        };
        Ok(line.map(parse))
    }
}

fn check(line: &Line) -> Result<(), NdjsonError> {
    let Err(error) = serde_json::from_slice::<IgnoredAny>(&line.content) else { return Ok(()) };
    let text = String::from_utf8_lossy(&line.content);
    let is_object = text.trim_start().starts_with('{');
    if text.contains('\r') {
        return Err(CarriageReturns.into());
    }
    if is_object && line.is_whole && error.is_eof() {
        return Err(NdjsonError::SeveralLines);
    }
    if !is_object && header::is_header(&text) {
        return Err(NdjsonError::CsvHeader);
    }
    Ok(())
}

fn parse(line: Line) -> ParsedRow {
    if !line.is_whole {
        return Err(InvalidRow::new(&line, RowError::TooLong));
    }
    let number = line.number;
    match String::from_utf8(line.content) {
        Ok(text) => Ok(match request_body::of_object(&text) {
            Some(body) => Row::converted(number, body, text),
            None => Row::verbatim(number, text),
        }),
        Err(error) => {
            let line = Line { number, content: error.into_bytes(), is_whole: true };
            Err(InvalidRow::new(&line, RowError::NotUtf8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use readings::rows::lines::MAX_LINE_BYTES;

    fn rows(text: &[u8]) -> Vec<ParsedRow> {
        let mut objects = NdjsonRows::open(Lines::new(text)).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = objects.next_row().unwrap() {
            rows.push(row);
        }
        rows
    }

    fn error(text: &str) -> String {
        NdjsonRows::open(Lines::new(text.as_bytes())).expect_err(text).to_string()
    }

    #[test]
    fn other_lines_than_readings_are_sent_verbatim_and_blank_lines_skipped() {
        let rows = rows(b"{\"a\": 1 }\r\n\n  \t\n not json \n");
        let row = |line, body: &str| Ok(Row::verbatim(line, body.to_owned()));
        assert_eq!(rows, [row(1, "{\"a\": 1 }"), row(4, " not json ")]);
    }

    #[test]
    fn a_reading_is_sent_without_extra_members() {
        let text =
            r#"{"power_reading": 1.0, "timestamp": "t", "x": 1, "device_id": "d", "site_id": "s"}"#;
        let rows = rows(text.as_bytes());
        let row = rows[0].as_ref().unwrap();
        let body = r#"{"site_id":"s","device_id":"d","power_reading":1.0,"timestamp":"t"}"#;
        assert_eq!((row.body.as_str(), row.text()), (body, text));
    }

    #[test]
    fn a_line_that_is_not_utf8_is_rejected_and_reading_continues() {
        let rows = rows(b"{}\n{\"a\":\"\xff\"}\n{}");
        let invalid = rows[1].as_ref().expect_err("no text");
        assert_eq!((invalid.line, invalid.error.clone()), (2, RowError::NotUtf8.into()));
        assert_eq!(invalid.text, "{\"a\":\"\u{fffd}\"}");
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn a_line_that_is_too_long_is_rejected_with_its_first_bytes() {
        let rows = rows(format!("{{}}\n{}\n{{}}", "é".repeat(MAX_LINE_BYTES)).as_bytes());
        let invalid = rows[1].as_ref().expect_err("too long");
        assert_eq!((invalid.line, invalid.error.clone()), (2, RowError::TooLong.into()));
        assert!(invalid.text.starts_with("éé") && invalid.text.ends_with('…'));
        assert!(invalid.text.len() < 2_000);
        assert_eq!(rows[2], Ok(Row::verbatim(3, "{}".to_owned())));
    }

    #[test]
    fn a_file_of_another_format_is_detected_by_its_first_line() {
        assert!(error("site_id;device_id;power_reading;timestamp\n").contains("--format csv"));
        assert!(error("\n\"site_id\",\"timestamp\"\n").contains("--format csv"));
        assert!(error("{\n  \"site_id\": 1\n}\n").contains("jq -c"));
        assert!(error("{\"readings\": [\n{}\n]}").contains("jq -c"));
        assert!(error("{}\r{}\r").contains("carriage return"));
        for line in ["{} {}", "not json", "{\"a\": nan}", "{\"a\":\r1}"] {
            assert_eq!(rows(line.as_bytes()).len(), 1, "{line}");
        }
    }
}
