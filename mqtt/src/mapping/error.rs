//! Why a profile cannot be used.

use std::path::PathBuf;

use super::topic_pattern::PatternError;

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no such built-in profile.
    #[error("'{name}' is no profile; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// All names.
        known: String,
    },
    /// The file cannot be read.
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Unreadable(PathBuf, std::io::Error),
    /// The text is not TOML, or has other members.
    #[error("{0}: {1}")]
    Syntax(String, String),
    /// A topic pattern is invalid.
    #[error("topic {0}")]
    Topic(#[from] PatternError),
    /// A template has a name that its topic has not.
    #[error("'{0}': a name in braces must be one of the topic's: {1}")]
    Template(String, String),
    /// A pointer is not one.
    #[error("'{0}': a JSON pointer begins with '/', as in /ENERGY/Power")]
    Pointer(String),
    /// A mapping has no power.
    #[error(
        "the mapping of '{0}' needs power = [{{ json = \"/pointer\" }}], or payload = \"number\""
    )]
    NoPower(String),
}
