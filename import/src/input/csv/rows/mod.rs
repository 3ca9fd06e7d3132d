//! The rows of a CSV file with a header.

use std::io::BufRead;

use readings::rows::RowError;
use readings::rows::csv::header::{self, Header};
use readings::rows::csv::records::{CsvRecord, CsvRecords};
use readings::rows::lines::Lines;

use crate::input::csv::hour_24::hour_24_as_next_day;
use crate::input::request_body;
use crate::input::row::{InvalidRow, ParsedRow, ReadError, Row, RowReader};
use crate::input::unsupported_file::{self, UnsupportedFile};

/// The first line is not a usable header.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// A column is missing or ambiguous, or the line is not CSV.
    #[error(transparent)]
    Unusable(#[from] header::HeaderError),
    /// It is a JSON object or array.
    #[error(
        "this is not a CSV header but JSON; `--format ndjson` reads a file of one object a line"
    )]
    Json,
    /// It is not text.
    #[error(transparent)]
    UnsupportedFile(#[from] UnsupportedFile),
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

/// Reads the rows after the header.
pub struct CsvRows<R> {
    records: CsvRecords<R>,
    header: Header,
}

impl<R: BufRead> CsvRows<R> {
    /// Reads the header; `None` if the file is empty.
    ///
    /// # Errors
    /// When a required column is missing or ambiguous, or the header cannot be read.
    pub fn open(lines: Lines<R>) -> Result<Option<Self>, HeaderError> {
        let mut records = CsvRecords::new(lines);
        let Some(record) = next_record(&mut records)? else { return Ok(None) };
        match Header::of_record(&records, &record) {
            Ok(header) => Ok(Some(Self { records, header })),
            Err(error) => Err(explain(record.first_line()).err().unwrap_or(error.into())),
        }
    }

    fn row(&self, record: &CsvRecord) -> Result<Row, RowError> {
        if let Some(error) = record.error {
            return Err(error);
        }
        let fields = self.records.fields().ok_or(RowError::NotUtf8)?;
        let [site, device, power, timestamp] = self.header.pick(&fields)?;
        let hour_24_as_next_day = hour_24_as_next_day(timestamp);
        let timestamp = hour_24_as_next_day.as_deref().unwrap_or(timestamp);
        let body = request_body::of_fields([site, device, power, timestamp]);
        Ok(Row::converted(record.line(), body, record.text()))
    }
}

/// Explains a line that is not a usable header; `Ok` if no other format is recognised.
fn explain(line: &[u8]) -> Result<(), HeaderError> {
    if let Some(unsupported) = unsupported_file::identify(line) {
        return Err(unsupported.into());
    }
    if line.trim_ascii_start().starts_with(b"{") || line.trim_ascii_start().starts_with(b"[") {
        return Err(HeaderError::Json);
    }
    Ok(())
}

fn next_record<R: BufRead>(records: &mut CsvRecords<R>) -> Result<Option<CsvRecord>, ReadError> {
    let record = records.next_record();
    record.map_err(|error| ReadError::after(records.line_number(), error))
}

impl<R: BufRead> RowReader for CsvRows<R> {
    fn next_row(&mut self) -> Result<Option<ParsedRow>, ReadError> {
        let Some(record) = next_record(&mut self.records)? else { return Ok(None) };
        Ok(match self.row(&record) {
            Ok(row) => Some(Ok(row)),
            Err(error) => {
                let rejected = self.records.reject(record, error);
                rejected.map(|(line, error)| Err(InvalidRow::new(&line, error)))
            }
        })
    }
}

#[cfg(test)]
mod tests;
