//! CSV: the rows of a table with a header.

use std::io::BufRead;

use crate::input::csv::header::{Header, HeaderError, explain};
use crate::input::csv::hour_24::next_day;
use crate::input::csv::records::{Record, Records};
use crate::input::lines::Lines;
use crate::input::request_body;
use crate::input::row::{NextRow, ReadError, Row, RowFault, Rows};

/// Reads the rows after a header.
pub struct Table<R> {
    records: Records<R>,
    header: Header,
}

impl<R: BufRead> Table<R> {
    /// Reads the header; `None` when the file is empty.
    ///
    /// # Errors
    /// When a column is missing or ambiguous, or the header cannot be read.
    pub fn open(lines: Lines<R>) -> Result<Option<Self>, HeaderError> {
        let mut records = Records::new(lines);
        let Some(record) = records.next_record()? else { return Ok(None) };
        match header(&records, &record) {
            Ok(header) => Ok(Some(Self { records, header })),
            Err(error) => Err(explain(record.first_line()).err().unwrap_or(error)),
        }
    }

    fn row(&self, record: &Record) -> Result<Row, RowFault> {
        if let Some(fault) = record.fault {
            return Err(fault);
        }
        let fields = self.records.fields().ok_or(RowFault::NotUtf8)?;
        let [site, device, power, timestamp] = self.header.pick(&fields)?;
        let next_day = next_day(timestamp);
        let timestamp = next_day.as_deref().unwrap_or(timestamp);
        let body = request_body::of_fields([site, device, power, timestamp]);
        Ok(Row::converted(record.line(), body, record.text()))
    }
}

fn header<R: BufRead>(records: &Records<R>, record: &Record) -> Result<Header, HeaderError> {
    if let Some(fault) = record.fault {
        return Err(HeaderError::NoRow(fault));
    }
    Header::of(&records.fields().ok_or(HeaderError::NoRow(RowFault::NotUtf8))?)
}

impl<R: BufRead> Rows for Table<R> {
    fn next_row(&mut self) -> Result<Option<NextRow>, ReadError> {
        let Some(record) = self.records.next_record()? else { return Ok(None) };
        Ok(match self.row(&record) {
            Ok(row) => Some(Ok(row)),
            Err(fault) => self.records.reject(record, fault).map(Err),
        })
    }
}

#[cfg(test)]
mod tests;
