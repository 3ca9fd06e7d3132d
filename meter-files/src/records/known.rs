//! Fields by name.

use super::names::position;
use crate::error::FileError;

/// The setting that chooses columns, as errors name it.
pub const MAP: &str =
    "--map timestamp=COLUMN,power=COLUMN (or energy=, counter=, date=, time=, start=, end=)";

/// What is known of the records before they are read.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The names of the fields.
    pub names: Vec<String>,
    /// The first records, from which is inferred what the shape does not say.
    pub samples: Vec<Vec<String>>,
    /// Whether the fields are separated by `;`.
    pub has_semicolons: bool,
}

impl Known {
    pub(super) fn place(&self, column: &str) -> Result<usize, FileError> {
        position(&self.names, column).ok_or_else(|| {
            FileError::unclear(
                format!("there is no column `{column}`; there are {}", self.shown()),
                MAP,
            )
        })
    }

    pub(super) fn shown(&self) -> String {
        /// How many names an error shows.
        const SHOWN: usize = 12;
        let names: Vec<_> = self.names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        let more = if self.names.len() > SHOWN { ", …" } else { "" };
        format!("{}{more}", names.join(", "))
    }
}
