//! Rows of an export of a meter or a utility: the crate `meter-files` reads it.

use meter_files::report::Report;
use meter_files::{FileError, Item, MeterFile, Options, Reading};

use crate::input::request_body;
use crate::input::row::{InvalidRow, ParsedRow, ReadError, Row, RowReader};
use crate::input::source::Source;

/// The readings of a file as rows.
pub struct MeterFileRows {
    file: MeterFile,
    /// The first, if it was read already.
    first: Option<Item>,
}

impl MeterFileRows {
    /// Finds out what is in a file. Blocks until its head is read.
    ///
    /// # Errors
    /// When it is no such file, or it is unclear how it must be read.
    pub fn open(source: Source, options: Options) -> anyhow::Result<Self> {
        let bytes = source.into_export().map_err(|error| ReadError::after(0, error))?;
        let mut file = meter_files::open(bytes, options)?;
        let first = file.readings.next_item()?;
        Ok(Self { file, first })
    }

    /// What was understood, in one paragraph.
    pub fn understood(&self) -> String {
        let understood = &self.file.understood;
        match &self.first {
            Some(Item::Reading(Reading { device, watts, at, .. })) => {
                let at = at.format("%Y-%m-%dT%H:%M:%S%.fZ");
                format!("{understood}; the first reading is {watts} W of `{device}` at {at}")
            }
            _ => understood.to_string(),
        }
    }

    fn next_item(&mut self) -> Result<Option<Item>, FileError> {
        match self.first.take() {
            Some(item) => Ok(Some(item)),
            None => self.file.readings.next_item(),
        }
    }
}

impl RowReader for MeterFileRows {
    fn report(&self) -> Option<Report> {
        Some(self.file.readings.report().clone())
    }

    fn next_row(&mut self) -> Result<Option<ParsedRow>, ReadError> {
        let item = self.next_item().map_err(|error| match error {
            FileError::Read { line, reason } => ReadError::after(line, reason),
            error => ReadError::MeterFile(error),
        })?;
        Ok(item.map(|item| match item {
            Item::Reading(reading) => Ok(row(&reading)),
            Item::Invalid { line, text, error } => {
                Err(InvalidRow { line, text, error: error.into() })
            }
        }))
    }
}

fn row(reading: &Reading) -> Row {
    let Reading { line, text, site, device, watts, at } = reading;
    let timestamp = at.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string();
    let body = request_body::of_reading(site, device, *watts, &timestamp);
    Row::converted(*line, body, text.to_string())
}
