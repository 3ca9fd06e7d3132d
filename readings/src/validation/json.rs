//! The JSON of a request body, with the peculiarities that the contract knows.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::fault::{Fault, FaultKind, Location};

/// A body that has been read as JSON, but not looked into.
pub(super) struct Document<'a> {
    text: Cow<'a, str>,
    /// What made the text no JSON before numbers that JSON does not have were quoted.
    not_json: Option<Fault>,
}

impl<'a> Document<'a> {
    /// Reads a body; what is inside need not be a reading.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        const BYTE_ORDER_MARK: char = '\u{feff}';
        let text = str::from_utf8(body).map_err(|error| not_utf8(body, error.valid_up_to()))?;
        let text = text.trim_start_matches(BYTE_ORDER_MARK);
        if text.is_empty() {
            return Err(Fault::new(Location::Body, FaultKind::Missing, "null"));
        }
        let Err(error) = serde_json::from_str::<&RawValue>(text) else {
            return Ok(Self { text: text.into(), not_json: None });
        };
        let fault = syntax_fault(text, &error);
        let quoted = with_quoted_non_finite(text);
        if serde_json::from_str::<&RawValue>(&quoted).is_err() {
            return Err(fault);
        }
        Ok(Self { text: quoted.into(), not_json: Some(fault) })
    }

    /// The text of the body.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The members of the body's object; of a name that is there twice, the last.
    pub fn members(&self) -> Result<HashMap<Cow<'_, str>, &RawValue>, Fault> {
        let whole = |kind| Fault::new(Location::Body, kind, &self.text);
        match self.text.trim_start().as_bytes().first() {
            Some(b'{') => {
                serde_json::from_str(&self.text).map_err(|error| syntax_fault(&self.text, &error))
            }
            Some(b'n') => Err(whole(FaultKind::Missing)),
            _ => Err(whole(FaultKind::ObjectType)),
        }
    }

    /// The syntax fault of a text that became JSON only by quoting `NaN` or `Infinity`.
    pub fn must_be_json(&self) -> Result<(), Fault> {
        self.not_json.clone().map_or(Ok(()), Err)
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

/// Puts quotes around `NaN`, `Infinity` and `-Infinity` outside of strings. They are no JSON, but
/// Python's `json.dumps` writes them, and "`power_reading` should be a finite number" helps more than
/// "expected value at column 40".
fn with_quoted_non_finite(text: &str) -> String {
    const LITERALS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    let mut quoted = String::with_capacity(text.len() + 16);
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
            Some(_) => quoted.extend(["\"", token, "\""]),
            None => quoted.push_str(token),
        }
        rest = after;
    }
    quoted
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
