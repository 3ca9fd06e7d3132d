//! The JSON of a request body, with the peculiarities that the contract allows.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::encoding::decode;
use super::error::{ErrorKind, Location, ValidationError};

/// A body that is JSON; its members are not parsed yet.
pub(super) struct Document<'a> {
    /// The body as it was sent.
    text: Cow<'a, str>,
    /// The same text as strict JSON: each value has the same position.
    json: Cow<'a, str>,
}

impl<'a> Document<'a> {
    /// Parses a body, which need not be a reading.
    pub fn parse(body: &'a [u8]) -> Result<Self, ValidationError> {
        let text = decode(body).map_err(|error| not_utf8(body, error.valid_up_to()))?;
        if text.is_empty() {
            return Err(ValidationError::new(Location::Body, ErrorKind::Missing, "null"));
        }
        if serde_json::from_str::<&RawValue>(&text).is_ok() {
            return Ok(Self { json: text.clone(), text });
        }
        let json = without_non_finite(&text);
        match serde_json::from_str::<&RawValue>(&json) {
            Ok(_) => Ok(Self { text, json: json.into() }),
            Err(error) => Err(syntax_error(&text, &error)),
        }
    }

    /// The text of the body.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The members of the body's object; of a repeated name, the last one.
    pub fn members(&self) -> Result<HashMap<Cow<'_, str>, &str>, ValidationError> {
        let whole = |kind| ValidationError::new(Location::Body, kind, &self.text);
        match self.json.trim_start().as_bytes().first() {
            Some(b'{') => serde_json::from_str::<HashMap<_, &RawValue>>(&self.json)
                .map(|members| members.into_iter().map(|(name, raw)| (name, self.as_sent(raw))))
                .map(Iterator::collect)
                .map_err(|error| syntax_error(&self.text, &error)),
            Some(b'n') => Err(whole(ErrorKind::Missing)),
            _ => Err(whole(ErrorKind::ObjectType)),
        }
    }

    /// A value as it was sent: the text at the position that it has in the JSON.
    fn as_sent(&self, raw: &RawValue) -> &str {
        let start = raw.get().as_ptr().addr() - self.json.as_ptr().addr();
        self.text.get(start..start + raw.get().len()).unwrap_or_default()
    }
}

/// The text of a JSON string.
pub(super) fn string(raw: &str) -> Result<String, ErrorKind> {
    if !raw.starts_with('"') {
        return Err(ErrorKind::StringType);
    }
    // The document is JSON, so the only error left is `\ud800` without its other half.
    serde_json::from_str(raw).map_err(|_| ErrorKind::LoneSurrogate)
}

pub(super) fn not_utf8(body: &[u8], valid_up_to: usize) -> ValidationError {
    let offset = String::from_utf8_lossy(&body[..valid_up_to]).chars().count();
    let kind = ErrorKind::JsonInvalid("the body is not UTF-8 text".to_owned());
    ValidationError::new(Location::Offset(offset), kind, "{}")
}

fn syntax_error(text: &str, error: &serde_json::Error) -> ValidationError {
    syntax_error_after(text, 0, error)
}

/// The error of the JSON that begins at this byte of the text.
pub(super) fn syntax_error_after(
    text: &str,
    begin: usize,
    error: &serde_json::Error,
) -> ValidationError {
    let lines = text.get(begin..).unwrap_or_default().split_inclusive('\n');
    let line_start: usize = lines.take(error.line().saturating_sub(1)).map(str::len).sum();
    // The column is that of the last byte read: the invalid one, or at the end the last one.
    let read = begin + line_start + error.column();
    let byte = if error.is_eof() { read } else { read.saturating_sub(1) };
    let offset = text[..text.floor_char_boundary(byte)].chars().count();
    let full = error.to_string();
    let reason = full.split(" at line ").next().unwrap_or(&full).to_owned();
    ValidationError::new(Location::Offset(offset), ErrorKind::JsonInvalid(reason), "{}")
}

/// Replaces `NaN`, `Infinity` and `-Infinity` outside of strings by empty arrays of the same length. They
/// are not JSON, but Python's `json.dumps` writes them and its `json.loads` accepts them wherever a value
/// may be. An array, too, may be nowhere else: not as a name, not beside digits.
pub(super) fn without_non_finite(text: &str) -> String {
    const LITERALS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    let mut json = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '-', 'I', 'N']) {
        let (plain, special) = rest.split_at(at);
        json.push_str(plain);
        let literal = LITERALS.iter().find(|literal| special.starts_with(**literal));
        let length = match literal {
            Some(literal) => literal.len(),
            None if special.starts_with('"') => string_length(special),
            None => 1,
        };
        let (token, after) = special.split_at(length);
        match literal {
            Some(_) => json.extend(["[", &" ".repeat(length - 2), "]"]),
            None => json.push_str(token),
        }
        rest = after;
    }
    json.push_str(rest);
    json
}

/// Length in bytes of the string that `text` begins with, quotes included; of all when it does not end.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |end| end + 2)
}
