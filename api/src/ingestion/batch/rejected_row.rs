//! An invalid row in a response.

use poem_openapi::Object;
use readings::validation::ValidationError;

use crate::error_body::ValidationErrorItem;

/// An invalid row.
#[derive(Debug, Clone, Object)]
pub struct RejectedRow {
    /// Its position among the rows, from 0; blank lines are no rows.
    index: u64,
    /// The line of the body where it begins, from 1.
    line: u64,
    /// One item for each error, in field order, as in the response to a single reading.
    detail: Vec<ValidationErrorItem>,
}

impl RejectedRow {
    pub(super) fn new(index: usize, line: u64, errors: Vec<ValidationError>) -> Self {
        let detail = errors.into_iter().map(Into::into).collect();
        Self { index: index as u64, line, detail }
    }

    pub(super) const fn index(&self) -> u64 {
        self.index
    }
}
