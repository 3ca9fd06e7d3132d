//! A name or value of line protocol, in which a backslash escapes commas, equals signs and spaces.

use std::borrow::Cow;

/// A text as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text<'a>(&'a str);

/// The characters that a backslash escapes. Before others it stands for itself.
const ESCAPED: &[char] = &[',', '=', ' '];

impl<'a> Text<'a> {
    pub const fn new(sent: &'a str) -> Self {
        Self(sent)
    }

    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub const fn sent(self) -> &'a str {
        self.0
    }

    /// Without escapes; copied only where it has any.
    pub fn unescaped(self) -> Cow<'a, str> {
        if !self.0.contains('\\') {
            return self.0.into();
        }
        let mut text = String::with_capacity(self.0.len());
        let mut rest = self.0;
        while let Some((before, behind)) = rest.split_once('\\') {
            text.push_str(before);
            if !behind.starts_with(ESCAPED) {
                text.push('\\');
            }
            // The next character is no escape, even if it is a backslash.
            let next = behind.chars().next().map_or(0, char::len_utf8);
            text.push_str(&behind[..next]);
            rest = &behind[next..];
        }
        text.push_str(rest);
        text.into()
    }

    /// Whether it is this text without escapes.
    pub fn is(self, other: &str) -> bool {
        self.0 == other || (self.0.contains('\\') && self.unescaped() == other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_escapes_commas_equals_signs_and_spaces_and_else_stands_for_itself() {
        for (sent, text) in [
            ("a", "a"),
            (r"a\ b\,c\=d", "a b,c=d"),
            (r"C:\dir", r"C:\dir"),
            (r"a\\ b", r"a\\ b"),
            (r"a\", r"a\"),
            (r"\é\ é", r"\é é"),
        ] {
            assert_eq!(Text::new(sent).unescaped(), text, "{sent}");
            assert!(Text::new(sent).is(text));
        }
        assert!(!Text::new("a").is("b"));
    }
}
