//! The header of a table.

use super::fields::Splitter;
use crate::records::names::names_all;

/// Separators, the more usual ones first.
pub const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// Whether a line has all these columns, with one of the separators.
pub fn has_all(line: &str, columns: &[String]) -> bool {
    SEPARATORS.into_iter().any(|separator| {
        line.contains(separator) && names_all(&Splitter::new(separator).split(line), columns)
    })
}
