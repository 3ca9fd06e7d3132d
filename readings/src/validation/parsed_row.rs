//! A row among others.

use super::error::ValidationError;
use super::row_key::RowKey;
use crate::reading::ReadingValues;

/// A row of a body with many readings.
#[derive(Debug)]
pub struct ParsedRow<'a> {
    /// The line where it begins, from 1; 0 where it is not known, of a valid JSON row without a key.
    pub line: u64,
    /// Its reading, or an error for each rule that it breaks, in field order.
    pub reading: Result<ReadingValues<'a>, Vec<ValidationError>>,
    /// Its idempotency key, if it is valid and has one.
    pub key: Option<RowKey<'a>>,
}
