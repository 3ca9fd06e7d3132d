//! The CSV header: the positions of a reading's members.

use std::fmt;
use std::io::BufRead;

use super::records::{CsvRecord, CsvRecords};
use crate::iso8601;
use crate::rows::RowError;

/// The required columns; they are the members of a reading.
pub const COLUMNS: [&str; 4] = ["site_id", "device_id", "power_reading", "timestamp"];

/// How many column names an error shows, and how many characters of each. Too low: the misspelt one is not shown. Too
/// high: the error is unreadable.
const SHOWN_NAMES: usize = 12;
const SHOWN_CHARACTERS: usize = 40;

/// The first line is not a usable header.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// Required columns are missing.
    #[error("the CSV header has no column {missing}; its columns are {found}{hint}")]
    Missing {
        /// The missing columns.
        missing: ColumnNames,
        /// The columns of the file.
        found: ColumnNames,
        /// Similar names, or empty.
        hint: String,
    },
    /// A required column occurs more than once.
    #[error("the CSV header has the column `{0}` more than once")]
    Ambiguous(&'static str),
    /// It is not a valid CSV record.
    #[error("the CSV header cannot be read: {0}")]
    InvalidRecord(RowError),
    /// The separator is not a comma.
    #[error("the columns are separated by {0}; write the file with commas")]
    Separator(&'static str),
    /// It contains carriage returns.
    #[error("{}", CarriageReturns)]
    CarriageReturns,
}

/// Lines end with `\r` only, as on Mac OS before 2001.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the lines end with a carriage return alone; send the file through `tr '\\r' '\\n'`, or save it \
     with other line ends"
)]
pub struct CarriageReturns;

/// Column names, displayed as a list that is truncated when long.
#[derive(Debug, PartialEq, Eq)]
pub struct ColumnNames(Vec<String>);

impl ColumnNames {
    fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(ToOwned::to_owned).collect())
    }
}

impl fmt::Display for ColumnNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.0.iter().take(SHOWN_NAMES).map(|name| truncate(name)).collect();
        write!(f, "`{}`", shown.join("`, `"))?;
        match self.0.len().saturating_sub(SHOWN_NAMES) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

fn truncate(name: &str) -> String {
    match name.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// The positions of the required columns.
#[derive(Debug)]
pub struct Header {
    width: usize,
    positions: [usize; COLUMNS.len()],
}

impl Header {
    /// The header that the first record is; the records still have its fields.
    ///
    /// # Errors
    /// When it is not a usable header. The error says what it is instead, where that is recognised.
    pub fn of_record<R: BufRead>(
        records: &CsvRecords<R>,
        record: &CsvRecord,
    ) -> Result<Self, HeaderError> {
        let header = match (record.error, records.fields()) {
            (Some(error), _) => Err(HeaderError::InvalidRecord(error)),
            (None, Some(names)) => Self::of(&names),
            (None, None) => Err(HeaderError::InvalidRecord(RowError::NotUtf8)),
        };
        header.map_err(|error| explain(record.first_line()).unwrap_or(error))
    }

    /// Finds the required columns among the names.
    ///
    /// # Errors
    /// When a column is missing or ambiguous.
    pub fn of(names: &[&str]) -> Result<Self, HeaderError> {
        let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
        let missing: Vec<_> =
            COLUMNS.into_iter().filter(|column| !names.contains(column)).collect();
        if !missing.is_empty() {
            let hint = hint(&missing, &names);
            let (missing, found) = (ColumnNames::of(missing), ColumnNames::of(names));
            return Err(HeaderError::Missing { missing, found, hint });
        }
        let mut positions = [0; COLUMNS.len()];
        for (position, column) in positions.iter_mut().zip(COLUMNS) {
            let mut found = names.iter().enumerate().filter(|(_, name)| **name == column);
            *position = found.next().map_or(0, |(position, _)| position);
            if found.next().is_some() {
                return Err(HeaderError::Ambiguous(column));
            }
        }
        Ok(Self { width: names.len(), positions })
    }

    /// The fields of the required columns, in the order of [`COLUMNS`].
    ///
    /// # Errors
    /// When the row has more or fewer fields than the header.
    pub fn pick<'a>(&self, fields: &[&'a str]) -> Result<[&'a str; COLUMNS.len()], RowError> {
        let (expected, found) = (self.width, fields.len());
        if found != expected {
            return Err(RowError::FieldCount { expected, found });
        }
        Ok(self.positions.map(|position| fields.get(position).copied().unwrap_or_default()))
    }
}

fn hint(missing: &[&str], names: &[&str]) -> String {
    let is_value = |name: &&str| name.parse::<f64>().is_ok() || iso8601::parse(name).is_ok();
    if missing.len() == COLUMNS.len() && names.iter().any(is_value) {
        let header = COLUMNS.join(",");
        return format!(". The first line seems to be a row; it must be a header such as {header}");
    }
    other_spellings(missing, names)
}

/// Names that differ from missing columns only in case and punctuation.
fn other_spellings(missing: &[&str], names: &[&str]) -> String {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let alike = |column: &&str| names.iter().find(|name| plain(name) == plain(column)).copied();
    let found: Vec<_> = missing
        .iter()
        .filter_map(|column| Some(format!("`{}` must be `{column}`", truncate(alike(column)?))))
        .collect();
    if found.is_empty() { String::new() } else { format!(": {}", found.join(", ")) }
}

/// The line ends or the separator of a line that is not a usable header; `None` if it has other columns.
fn explain(line: &[u8]) -> Option<HeaderError> {
    let text = String::from_utf8_lossy(line);
    if text.contains('\r') {
        return Some(HeaderError::CarriageReturns);
    }
    let count = |separator| text.matches(separator).count();
    let others = [(';', "`;`"), ('\t', "tabs"), ('|', "`|`")];
    let (separator, name) = others.into_iter().max_by_key(|(separator, _)| count(*separator))?;
    (count(separator) > count(',')).then_some(HeaderError::Separator(name))
}

/// Whether a line looks like the header of a CSV file of readings, with any separator.
#[must_use]
pub fn is_header(line: &str) -> bool {
    let is_column = |name: &str| COLUMNS.contains(&name.trim().trim_matches('"'));
    line.split([',', ';', '\t', '|']).filter(|name| is_column(name)).count() > 1
}
