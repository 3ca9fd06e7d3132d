//! The cursor of a page of sites: its last site and a hash of the filter, opaque to clients.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The first byte, which no cursor of readings has. A later release can have another one, and reject these.
const VERSION: u8 = b'S';

/// Bytes of the hash of the filter. Too few and a cursor of another filter is accepted; too many and cursors are long.
const HASH_BYTES: usize = 8;

/// The end of a page of sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteCursor {
    filter: [u8; HASH_BYTES],
    /// The last site of the page.
    pub(super) after: String,
}

impl SiteCursor {
    /// Of a page of the sites with this prefix, which ends with this site.
    pub(super) fn new(prefix: &str, after: impl Into<String>) -> Self {
        Self { filter: hash(prefix), after: after.into() }
    }

    /// Whether it is of a page of the sites with this prefix.
    pub(super) fn is_of(&self, prefix: &str) -> bool {
        self.filter == hash(prefix)
    }

    pub(super) fn text(&self) -> String {
        let bytes = [&[VERSION], &self.filter[..], self.after.as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (_, rest) = bytes.split_first().filter(|(version, _)| **version == VERSION)?;
        let (&filter, after) = rest.split_first_chunk()?;
        let after = str::from_utf8(after).ok().filter(|after| !after.is_empty())?.to_owned();
        Some(Self { filter, after })
    }
}

fn hash(prefix: &str) -> [u8; HASH_BYTES] {
    let digest: [u8; 32] = Sha256::digest(prefix).into();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_parsed_from_its_own_text(prefix in ".{0,20}", after in ".{1,20}") {
            let cursor = SiteCursor::new(&prefix, after);
            prop_assert_eq!(SiteCursor::parse(&cursor.text()), Some(cursor.clone()));
            prop_assert!(cursor.is_of(&prefix) && !cursor.is_of(&(prefix + "x")));
        }

        #[test]
        fn any_text_is_a_cursor_or_none(text in ".{0,80}") {
            prop_assert!(SiteCursor::parse(&text).is_none_or(|cursor| cursor.text() == text));
        }
    }

    #[test]
    fn a_cursor_without_a_site_or_with_bytes_that_are_no_text_is_none() {
        for rest in [&b""[..], b"\xff"] {
            let bytes = [&[VERSION; 9][..], rest].concat();
            assert_eq!(SiteCursor::parse(&URL_SAFE_NO_PAD.encode(bytes)), None);
        }
    }
}
