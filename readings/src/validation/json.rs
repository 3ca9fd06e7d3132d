//! The JSON of a request body, with the peculiarities that the contract knows.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::encoding::decode;
use super::fault::{Fault, FaultKind, Location};

/// A body that has been read as JSON, but not looked into.
pub(super) struct Document<'a> {
    /// As it was sent.
    text: Cow<'a, str>,
    /// The same as JSON, with everything in the same place.
    json: Cow<'a, str>,
}

impl<'a> Document<'a> {
    /// Reads a body; what is inside need not be a reading.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let text = decode(body).map_err(|error| not_utf8(body, error.valid_up_to()))?;
        if text.is_empty() {
            return Err(Fault::new(Location::Body, FaultKind::Missing, "null"));
        }
        if serde_json::from_str::<&RawValue>(&text).is_ok() {
            return Ok(Self { json: text.clone(), text });
        }
        let json = without_non_finite(&text);
        match serde_json::from_str::<&RawValue>(&json) {
            Ok(_) => Ok(Self { text, json: json.into() }),
            Err(error) => Err(syntax_fault(&text, &error)),
        }
    }

    /// The text of the body.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The members of the body's object; of a name that is there twice, the last.
    pub fn members(&self) -> Result<HashMap<Cow<'_, str>, &str>, Fault> {
        let whole = |kind| Fault::new(Location::Body, kind, &self.text);
        match self.json.trim_start().as_bytes().first() {
            Some(b'{') => serde_json::from_str::<HashMap<_, &RawValue>>(&self.json)
                .map(|members| members.into_iter().map(|(name, raw)| (name, self.as_sent(raw))))
                .map(Iterator::collect)
                .map_err(|error| syntax_fault(&self.text, &error)),
            Some(b'n') => Err(whole(FaultKind::Missing)),
            _ => Err(whole(FaultKind::ObjectType)),
        }
    }

    /// A value as it was sent: it is where the JSON has it.
    fn as_sent(&self, raw: &RawValue) -> &str {
        let start = raw.get().as_ptr().addr() - self.json.as_ptr().addr();
        self.text.get(start..start + raw.get().len()).unwrap_or_default()
    }
}

/// The text of a JSON string.
pub(super) fn string(raw: &str) -> Result<String, FaultKind> {
    if !raw.starts_with('"') {
        return Err(FaultKind::StringType);
    }
    // The document was read as JSON, so what is left to go wrong is `\ud800` without its other half.
    serde_json::from_str(raw).map_err(|_| FaultKind::LoneSurrogate)
}

fn not_utf8(body: &[u8], valid_up_to: usize) -> Fault {
    let offset = String::from_utf8_lossy(&body[..valid_up_to]).chars().count();
    let kind = FaultKind::JsonInvalid("the body is not UTF-8 text".to_owned());
    Fault::new(Location::Offset(offset), kind, "{}")
}

fn syntax_fault(text: &str, error: &serde_json::Error) -> Fault {
    let line_start: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    // The column is that of the last byte read: the offending one, or the last one there is.
    let read = line_start + error.column();
    let byte = if error.is_eof() { read } else { read.saturating_sub(1) };
    let offset = text[..text.floor_char_boundary(byte)].chars().count();
    let full = error.to_string();
    let reason = full.split(" at line ").next().unwrap_or(&full).to_owned();
    Fault::new(Location::Offset(offset), FaultKind::JsonInvalid(reason), "{}")
}

/// Puts empty arrays, as long as they are, in the place of `NaN`, `Infinity` and `-Infinity` outside of
/// strings. They are no JSON, but Python's `json.dumps` writes them and its `json.loads` takes them
/// wherever a value may be. An array may be nowhere else either: not as a name, not beside digits.
fn without_non_finite(text: &str) -> String {
    const LITERALS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    let mut json = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let literal = LITERALS.iter().find(|literal| rest.starts_with(**literal));
        let length = match literal {
            Some(literal) => literal.len(),
            None if first == '"' => string_length(rest),
            None => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match literal {
            Some(_) => json.extend(["[", &" ".repeat(length - 2), "]"]),
            None => json.push_str(token),
        }
        rest = after;
    }
    json
}

/// The bytes of the string that `text` begins with, quotes included; all when it does not end.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |end| end + 2)
}
