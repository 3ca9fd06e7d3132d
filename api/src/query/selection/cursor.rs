//! The cursor of a page: a position in the order and a hash of the filters, opaque to clients
//! (`docs/decisions/0043-cursors-are-keysets.md`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use readings::store::series::Position;

/// The first byte, so that a later release can have other cursors and reject these.
const VERSION: u8 = 1;

/// A hash of the site, the filters and the order.
pub(super) type FilterHash = [u8; 8];

/// The end of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cursor {
    /// Of the request for that page.
    pub(super) filters: FilterHash,
    /// Of its last reading.
    pub(super) position: Position,
}

impl Cursor {
    pub(super) fn text(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.filters);
        bytes.extend_from_slice(&self.position.to_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (&version, rest) = bytes.split_first()?;
        let (&filters, position) = rest.split_first_chunk()?;
        let position = Position::from_bytes(position).filter(|_| version == VERSION)?;
        Some(Self { filters, position })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A position: score 1.5, no instant, the id 5-300, a checksum.
    const POSITION: [u8; 14] = [0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0, 1, 5, 0xAC, 2, 7];

    proptest! {
        #[test]
        fn a_cursor_is_parsed_from_its_own_text(filters: FilterHash) {
            let position = Position::from_bytes(&POSITION).unwrap();
            let cursor = Cursor { filters, position };
            prop_assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_none(text in ".{0,80}") {
            prop_assert!(Cursor::parse(&text).is_none_or(|cursor| cursor.text() == text));
        }

        #[test]
        fn a_cursor_that_is_cut_off_is_none(length in 0..30_usize) {
            let position = Position::from_bytes(&POSITION).unwrap();
            let text = Cursor { filters: [1; 8], position }.text();
            prop_assert_eq!(Cursor::parse(&text[..length]), None);
        }
    }
}
