//! The id of a key, by which the key of a request is found.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The longest id.
const MAX_CHARACTERS: usize = 64;

/// The random bytes of a generated id. Fewer: an id may exist already; more: tokens are longer.
const RANDOM_BYTES: usize = 6;

/// An id: letters, digits and hyphens. It is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// A random id.
    ///
    /// # Errors
    /// When the system has no random source.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex::encode(bytes).into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text can be an id.
    pub(super) fn is_valid(text: &str) -> bool {
        let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=MAX_CHARACTERS).contains(&text.len()) && text.bytes().all(is_of_id)
    }
}

impl Display for KeyId {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if Self::is_valid(text) {
            return Ok(Self(text.into()));
        }
        Err(format!("must be 1 to {MAX_CHARACTERS} letters, digits and hyphens"))
    }
}
