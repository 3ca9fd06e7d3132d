//! A row among others.

use super::error::ValidationError;
use crate::reading::Reading;

/// A row of a body with many readings.
#[derive(Debug)]
pub struct ParsedRow {
    /// The line where it begins, from 1.
    pub line: u64,
    /// Its reading, or an error for each rule that it breaks, in field order.
    pub reading: Result<Reading, Vec<ValidationError>>,
}
