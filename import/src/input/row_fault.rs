//! Why a row cannot be sent.

use readings::rows::RowError;

/// Why a row cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// It is no row of a file of readings.
    #[error(transparent)]
    Parse(#[from] RowError),
    /// A field of a row of another file cannot be read.
    #[error(transparent)]
    Field(#[from] meter_files::RowError),
}

impl RowFault {
    /// The name of the rule, like `type` of the service's validation errors.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Parse(error) => error.code(),
            Self::Field(_) => "field_unreadable",
        }
    }
}
