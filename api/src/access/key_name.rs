//! The name of a key, by which operators, metrics and log lines call it.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Arc;

/// The longest name in bytes. It is in every log line and metric of the key.
const MAX_BYTES: usize = 128;

/// A name, such as `gateway-7`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(Arc<str>);

impl KeyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for the label of a metric.
    pub(super) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl Display for KeyName {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_usable = text.trim() == text && !text.chars().any(char::is_control);
        if is_usable && (1..=MAX_BYTES).contains(&text.len()) {
            return Ok(Self(text.into()));
        }
        Err(format!(
            "must have 1 to {MAX_BYTES} bytes, no control characters, and no space at its ends"
        ))
    }
}
