//! Tags and fields: `key=value`, separated by commas.

use super::line::LineError;
use super::text::Text;

/// A tag or a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    pub key: Text<'a>,
    pub value: Text<'a>,
}

/// Texts that are true and false.
const BOOLEANS: [&str; 10] =
    ["true", "false", "t", "f", "T", "F", "True", "False", "TRUE", "FALSE"];

impl<'a> Pair<'a> {
    /// The tags of a section, in which a quotation mark is a character as any other; `None` for one that is not
    /// `key=value`.
    pub fn tags(section: &'a str) -> impl Iterator<Item = Option<Self>> {
        Self::all(section, |value| unescaped_end(value, b","))
    }

    /// The fields of a section, as above.
    pub fn fields(section: &'a str) -> impl Iterator<Item = Option<Self>> {
        let end = |value: &[u8]| quoted_end(value).unwrap_or_else(|| unescaped_end(value, b","));
        Self::all(section, end)
    }

    fn all(section: &'a str, value_end: fn(&[u8]) -> usize) -> impl Iterator<Item = Option<Self>> {
        let mut rest = (!section.is_empty()).then_some(section);
        std::iter::from_fn(move || {
            let text = rest.take()?;
            let Some((pair, end)) = Self::first(text, value_end) else { return Some(None) };
            rest = text.get(end + 1..);
            Some(Some(pair))
        })
    }

    /// The first one of a text, and where it ends.
    fn first(text: &'a str, value_end: fn(&[u8]) -> usize) -> Option<(Self, usize)> {
        let bytes = text.as_bytes();
        let equals = unescaped_end(bytes, b"=,");
        if equals == 0 || bytes.get(equals) != Some(&b'=') {
            return None;
        }
        let value = &text[equals + 1..];
        let end = value_end(value.as_bytes());
        // Behind a second quotation mark there is nothing else.
        if !matches!(value.as_bytes().get(end), None | Some(b',')) {
            return None;
        }
        let pair = Self { key: Text::new(&text[..equals]), value: Text::new(&value[..end]) };
        Some((pair, equals + 1 + end))
    }

    /// Whether the value is one of a field.
    pub fn is_value(&self) -> bool {
        let value = self.value.sent();
        self.number().is_some() || value.starts_with('"') || BOOLEANS.contains(&value)
    }

    /// The value as a decimal number; `None` for a text, a truth value, and what is none of a field.
    pub fn number(&self) -> Option<&'a str> {
        let value = self.value.sent();
        let digits = value.strip_prefix(['-', '+']).unwrap_or(value).as_bytes();
        // Not `inf` and `nan`, which Rust parses.
        if !digits.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
            return None;
        }
        match value.strip_suffix(['i', 'u']) {
            Some(integer) => {
                digits[..digits.len() - 1].iter().all(u8::is_ascii_digit).then_some(integer)
            }
            None => value.parse::<f64>().ok().map(|_| value),
        }
    }
}

/// Where the first of these bytes is that no backslash escapes.
pub(super) fn unescaped_end(text: &[u8], ends: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        if ends.contains(byte) {
            return at;
        }
        // A line break is not escaped.
        let is_escape = *byte == b'\\' && text.get(at + 1).is_some_and(|next| *next != b'\n');
        at += if is_escape { 2 } else { 1 };
    }
    text.len()
}

/// Where a text in quotation marks ends, behind the second one; `None` if it has no first one or no second one.
fn quoted_end(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Where the fields end that a text begins with.
pub(super) fn fields_end(text: &[u8]) -> Result<usize, LineError> {
    let mut at = 0;
    loop {
        at += unescaped_end(&text[at..], b"= \n");
        if text.get(at) != Some(&b'=') {
            return Ok(at);
        }
        at += 1;
        if text.get(at) == Some(&b'"') {
            at += quoted_end(&text[at..]).ok_or(LineError::OpenText)?;
        }
        at += unescaped_end(&text[at..], b", \n");
        if text.get(at) != Some(&b',') {
            return Ok(at);
        }
        at += 1;
    }
}
