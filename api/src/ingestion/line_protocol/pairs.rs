//! Tags and fields: `key=value`, separated by commas.

use super::line_error::LineError;
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

    /// The value as a decimal number; `None` for a text, a truth value, and what no field may have.
    pub fn number(&self) -> Option<&'a str> {
        let value = self.value.sent();
        match value.strip_suffix(['i', 'u']) {
            Some(integer) => is_integer(integer.as_bytes()).then_some(integer),
            None => is_decimal(value.as_bytes()).then_some(value),
        }
    }
}

/// Whether a text is a whole number. Checked byte by byte: most fields are never parsed.
fn is_integer(text: &[u8]) -> bool {
    let digits = without_sign(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Whether a text is a decimal number that Rust parses, other than `inf` and `nan`.
fn is_decimal(text: &[u8]) -> bool {
    let exponent = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (number, exponent) = text.split_at(exponent.unwrap_or(text.len()));
    let number = without_sign(number);
    let (mut digits, mut points) = (0, 0);
    for byte in number {
        digits += usize::from(byte.is_ascii_digit());
        points += usize::from(*byte == b'.');
    }
    let has_exponent = exponent.get(1..).is_none_or(is_integer);
    digits > 0 && points <= 1 && digits + points == number.len() && has_exponent
}

fn without_sign(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text)
}

/// Where the first of these bytes is that no backslash escapes.
pub(super) fn unescaped_end<const N: usize>(text: &[u8], ends: &[u8; N]) -> usize {
    let mut from = 0;
    loop {
        let is_special = |byte: &u8| *byte == b'\\' || ends.contains(byte);
        let Some(at) = text[from..].iter().position(is_special) else { return text.len() };
        let at = from + at;
        if text[at] != b'\\' {
            return at;
        }
        // A line break is not escaped.
        let is_escape = text.get(at + 1).is_some_and(|next| *next != b'\n');
        from = at + if is_escape { 2 } else { 1 };
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_a_number_exactly_when_rust_parses_it_as_a_finite_one(
            text in "[-+]{0,2}[0-9.]{0,4}(e[-+]?[0-9]{0,2})?|inf|nan|infinity"
        ) {
            let parses = text.parse::<f64>().is_ok_and(f64::is_finite);
            prop_assert_eq!(is_decimal(text.as_bytes()), parses, "{}", text);
        }
    }
}
