//! What a reader takes out of a file: rows with values.

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::{FileError, RowError};
use crate::understood::Understood;

/// The reader of a file, and what it understood.
pub type Opened = (Box<dyn Reader>, Understood);

/// Reads a file of one kind.
pub trait Reader: Send {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the rest of the file cannot be read. A row that is wrong is a [`Content::Invalid`].
    fn next_row(&mut self) -> Result<Option<Row>, FileError>;
}

/// A row of a file: a line, a record of JSON, a day of NEM12.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line where it starts, from 1; of JSON and XML the number of the record, from 1.
    pub line: u64,
    /// Its text, as it is shown when the row is rejected.
    pub text: String,
    /// What it says.
    pub content: Content,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Values, and the number of values that the row leaves empty or marks as unknown.
    Values {
        /// In the order of the row.
        values: Vec<Value>,
        /// Empty, `?`, `null`, `unavailable` and alike: skipped and counted, never 0.
        missing: u64,
    },
    /// A line that is no row of the table: a footer, a second header.
    Ignored,
    /// A row that should have a value, and has none that can be read.
    Invalid(RowError),
}

/// One value of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The site, if the file names it.
    pub site: Option<String>,
    /// The device, if the file names it.
    pub device: Option<String>,
    /// What is appended to the name of the device, such as `-export`; empty for its main channel.
    pub channel: String,
    /// When the interval of the value starts, or the instant that it belongs to.
    pub start: DateTime<Utc>,
    /// How long the interval is; `None` of an instant.
    pub length: Option<TimeDelta>,
    /// What was measured.
    pub quantity: Quantity,
}

/// What was measured, in one unit for each kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    /// Power in W: the mean of the interval, or that of the instant.
    Watts(f64),
    /// Energy of the interval in Wh. Needs a length.
    WattHours(f64),
    /// State of a counter in Wh, which only increases. Of an instant.
    CounterWattHours(f64),
}
