//! Why a file, or a row of it, does not become readings.

use std::io;

/// The file cannot be read as readings; none of its rows is sent.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file does not say something that a reading needs, or says it in two ways. It is not guessed.
    #[error("{question}; choose it by {setting}")]
    Unclear {
        /// What is unclear, and what was found, as `the unit of the column "Value" is unknown`.
        question: String,
        /// The setting, with its choices: `--unit W|kW|Wh|kWh`.
        setting: &'static str,
    },
    /// The file has not the shape that was chosen or detected.
    #[error("{0}")]
    Shape(String),
    /// A profile cannot be read.
    #[error("the profile {name} is invalid: {reason}")]
    Profile {
        /// Its name or path.
        name: String,
        /// The error of its file.
        reason: String,
    },
    /// The rest of the file cannot be read.
    #[error("reading failed after line {line}: {reason}")]
    Read {
        /// The last line that was read.
        line: u64,
        /// The cause: the operating system, or a decoder.
        reason: io::Error,
    },
}

impl FileError {
    /// Something is unclear, and a setting decides it.
    #[must_use]
    pub fn unclear(question: impl Into<String>, setting: &'static str) -> Self {
        Self::Unclear { question: question.into(), setting }
    }

    /// The file has another shape than expected.
    #[must_use]
    pub fn shape(reason: impl Into<String>) -> Self {
        Self::Shape(reason.into())
    }
}

/// A row cannot be read as a reading; the rows after it can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct RowError {
    /// The column or member, as the file calls it.
    pub field: String,
    /// Which rule its value violates.
    pub reason: String,
}

impl RowError {
    /// The value of this field violates a rule.
    #[must_use]
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}
