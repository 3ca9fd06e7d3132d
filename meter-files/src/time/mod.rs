//! Times of a file: how they are written, and the instants that they mean.

pub mod clock;
pub mod format;
mod text;
pub mod zone;

use chrono::{FixedOffset, NaiveDateTime};

#[cfg(test)]
mod properties;

/// A time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenTime {
    /// Date and time of the day.
    pub local: NaiveDateTime,
    /// The offset from UTC, if it is written, too.
    pub offset: Option<FixedOffset>,
}

/// The order of the parts of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// Year, month, day.
    Ymd,
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
}
