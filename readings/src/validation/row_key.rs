//! The idempotency key of a row.

use std::borrow::Cow;

/// The member of a row that has it.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// The longest idempotency key. Too low: keys of usual libraries are rejected. Too high: one request stores a large key
/// in Redis.
pub const MAX_KEY_BYTES: usize = 255;

/// Whether a text is an idempotency key: 1 to [`MAX_KEY_BYTES`] visible ASCII characters.
#[must_use]
pub fn is_key(text: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The idempotency key of a row, and the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowKey<'a> {
    key: Cow<'a, str>,
    row: Cow<'a, [u8]>,
}

impl<'a> RowKey<'a> {
    pub(super) const fn new(key: Cow<'a, str>, row: Cow<'a, [u8]>) -> Self {
        Self { key, row }
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// The body that the key stands for, in two parts. A row that begins with its key is, without it, the body of a
    /// request of its own, so that a row which was sent alone is recognised among others, and the other way round. Of
    /// any other row it is the whole.
    #[must_use]
    pub fn body(&self) -> [&[u8]; 2] {
        let row = self.row.trim_ascii();
        self.rest_after_key(row).map_or([row, b""], |rest| [b"{", rest])
    }

    fn rest_after_key<'r>(&self, row: &'r [u8]) -> Option<&'r [u8]> {
        let row = row.strip_prefix(br#"{"idempotency_key":""#)?;
        row.strip_prefix(self.key.as_bytes())?.strip_prefix(br#"","#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(key: &'static str, row: &'static str) -> String {
        let key = RowKey::new(key.into(), row.as_bytes().into());
        String::from_utf8(key.body().concat()).unwrap()
    }

    #[test]
    fn a_row_that_begins_with_its_key_stands_for_the_body_without_it() {
        assert_eq!(body("k", r#"{"idempotency_key":"k","a":1}"#), r#"{"a":1}"#);
        assert_eq!(body("k", " {\"idempotency_key\":\"k\",\"a\":1}\r"), r#"{"a":1}"#);
        for row in [
            r#"{"a":1,"idempotency_key":"k"}"#,
            r#"{"idempotency_key": "k","a":1}"#,
            r#"{"idempotency_key":"kk","a":1,"idempotency_key":"k"}"#,
        ] {
            assert_eq!(body("k", row), row);
        }
    }

    #[test]
    fn a_key_has_1_to_255_visible_ascii_characters() {
        let long = "x".repeat(255);
        for (text, is_one) in
            [("k", true), (&long, true), ("", false), ("a b", false), ("\n", false), ("é", false)]
        {
            assert_eq!(is_key(text), is_one, "{text:?}");
        }
        assert!(!is_key(&(long + "x")));
    }
}
