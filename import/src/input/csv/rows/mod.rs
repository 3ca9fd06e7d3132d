//! The rows of a CSV file with a header.

use std::io::BufRead;

use crate::input::csv::header::{Header, HeaderError, explain};
use crate::input::csv::hour_24::hour_24_as_next_day;
use crate::input::csv::records::{CsvRecord, CsvRecords};
use crate::input::lines::Lines;
use crate::input::request_body;
use crate::input::row::{ParsedRow, ReadError, Row, RowError, RowReader};

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
        let Some(record) = records.next_record()? else { return Ok(None) };
        match header(&records, &record) {
            Ok(header) => Ok(Some(Self { records, header })),
            Err(error) => Err(explain(record.first_line()).err().unwrap_or(error)),
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

fn header<R: BufRead>(records: &CsvRecords<R>, record: &CsvRecord) -> Result<Header, HeaderError> {
    if let Some(error) = record.error {
        return Err(HeaderError::InvalidRecord(error));
    }
    Header::of(&records.fields().ok_or(HeaderError::InvalidRecord(RowError::NotUtf8))?)
}

impl<R: BufRead> RowReader for CsvRows<R> {
    fn next_row(&mut self) -> Result<Option<ParsedRow>, ReadError> {
        let Some(record) = self.records.next_record()? else { return Ok(None) };
        Ok(match self.row(&record) {
            Ok(row) => Some(Ok(row)),
            Err(error) => self.records.reject(record, error).map(Err),
        })
    }
}

#[cfg(test)]
mod tests;
