//! CSV: the rows of a table with a header.

use std::fmt;
use std::io::BufRead;

use serde_json::json;

use super::lines::Lines;
use super::records::{Record, Records};
use super::rows::{NextRow, ReadError, Row, RowFault, Rows};

/// The columns that a reading is made of; they are its members.
const COLUMNS: [&str; 4] = ["site_id", "device_id", "power_reading", "timestamp"];

/// Reads the rows after a header.
pub struct Table<R> {
    records: Records<R>,
    header: Header,
}

/// The file has no header from which readings could be made.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// Columns are not there.
    #[error("the CSV header has no column {missing}; its columns are {found}")]
    Missing {
        /// Those that are missing.
        missing: Names,
        /// Those that are there.
        found: Names,
    },
    /// A column is there more than once.
    #[error("the CSV header has the column `{0}` more than once")]
    Ambiguous(&'static str),
    /// It is no row.
    #[error("the CSV header cannot be read: {0}")]
    NoRow(RowFault),
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

/// Names of columns, shown one after the other.
#[derive(Debug, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.join("`, `"))
    }
}

impl<R: BufRead> Table<R> {
    /// Reads the header; `None` when the file is empty.
    ///
    /// # Errors
    /// When a column is missing or ambiguous, or the header cannot be read.
    pub fn open(lines: Lines<R>) -> Result<Option<Self>, HeaderError> {
        let mut records = Records::new(lines);
        let Some(record) = records.next_record()? else { return Ok(None) };
        if let Some(fault) = record.fault {
            return Err(HeaderError::NoRow(fault));
        }
        let names = records.fields().ok_or(HeaderError::NoRow(RowFault::NotUtf8))?;
        let header = Header::of(&names)?;
        Ok(Some(Self { records, header }))
    }

    fn row(&self, record: &Record) -> Result<Row, RowFault> {
        if let Some(fault) = record.fault {
            return Err(fault);
        }
        let fields = self.records.fields().ok_or(RowFault::NotUtf8)?;
        let body = self.header.body(&fields)?;
        Ok(Row::converted(record.line(), body, record.text()))
    }
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

/// Where the columns are.
#[derive(Debug)]
struct Header {
    width: usize,
    places: [usize; COLUMNS.len()],
}

impl Header {
    fn of(names: &[&str]) -> Result<Self, HeaderError> {
        let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
        let is_missing = |column: &&&str| !names.contains(*column);
        let missing: Vec<_> = COLUMNS.iter().filter(is_missing).map(ToString::to_string).collect();
        if !missing.is_empty() {
            let found = names.iter().map(ToString::to_string).collect();
            return Err(HeaderError::Missing { missing: Names(missing), found: Names(found) });
        }
        let mut places = [0; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let mut found = names.iter().enumerate().filter(|(_, name)| **name == column);
            *place = found.next().map_or(0, |(place, _)| place);
            if found.next().is_some() {
                return Err(HeaderError::Ambiguous(column));
            }
        }
        Ok(Self { width: names.len(), places })
    }

    /// The body of a reading. The power stays text, which the service takes as well: what is no
    /// number is for it to judge.
    fn body(&self, fields: &[&str]) -> Result<String, RowFault> {
        let (expected, found) = (self.width, fields.len());
        if found != expected {
            return Err(RowFault::FieldCount { expected, found });
        }
        let [site_id, device_id, power_reading, timestamp] =
            self.places.map(|place| fields.get(place).copied().unwrap_or_default());
        let body = json!({
            "site_id": site_id,
            "device_id": device_id,
            "power_reading": power_reading,
            "timestamp": timestamp,
        });
        Ok(body.to_string())
    }
}

#[cfg(test)]
mod tests;
