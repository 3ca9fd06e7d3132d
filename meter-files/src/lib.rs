//! Exported files of meters, inverters and utilities become readings: without network, clock and environment.
//!
//! ```text
//! bytes ─► text ─► profile or inference ─► shape ─► reader ─► rows of values ─► readings
//!          (encoding)                               (table, days, JSON, …)      (W at an instant)
//! ```
//!
//! A [`Reader`](value::Reader) is for one kind of file, a [`Profile`](profile::Profile) says what one program writes: it is
//! data, in `profiles/`. What a file does not say is never guessed: a [`FileError::Unclear`] names the setting.

mod archive;
mod day_columns;
mod days;
pub mod error;
mod green_button;
mod influx_csv;
mod json;
mod nem12;
pub mod number;
pub mod open;
pub mod profile;
pub mod readings;
pub mod records;
pub mod report;
pub mod shape;
mod table;
pub mod text;
pub mod time;
mod track;
pub mod understood;
pub mod value;

pub use error::{FileError, RowError};
pub use open::{MeterFile, Options, open};
pub use readings::{Item, Reading};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
