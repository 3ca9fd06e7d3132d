//! The header of a table.

use super::fields::Splitter;
use crate::records::names::names_all;

/// Separators, the more usual ones first.
pub const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// The fields of a line, at each separator that it has.
pub fn splits(line: &str) -> impl Iterator<Item = Vec<String>> {
    let separators = SEPARATORS.into_iter().filter(|separator| line.contains(*separator));
    separators.map(|separator| Splitter::new(separator).split(line))
}

/// Whether a line has all these columns, with one of the separators.
pub fn has_all(line: &str, columns: &[String]) -> bool {
    splits(line).any(|names| names_all(&names, columns))
}
