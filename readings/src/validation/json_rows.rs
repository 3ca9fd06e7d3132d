//! The rows of a JSON array, or of an object whose member `readings` is one.
//!
//! The array is parsed element by element, so that a caller can pause in between.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::body::{PlainBody, parse_row};
use super::encoding::decode;
use super::error::{ErrorKind, Location, ValidationError};
use super::json::{Document, not_utf8, syntax_error_after, without_non_finite};
use super::limits::MAX_ROW_BYTES;
use super::parsed_row::ParsedRow;
use super::row_key::RowKey;
use crate::reading::ReadingValues;

/// Parses row after row.
#[derive(Debug)]
pub struct JsonRows<'a> {
    /// The body as it was sent.
    text: Cow<'a, str>,
    /// The same text as strict JSON: each value has the same position. `None` while `text` may be that.
    strict: Option<String>,
    /// The next byte.
    position: usize,
    /// Whether a row was parsed: then a comma or the end follows.
    has_rows: bool,
    /// Whether the array is the whole body, not a member of it.
    is_whole: bool,
    /// A position and its line.
    line: (usize, u64),
}

impl<'a> JsonRows<'a> {
    /// Finds the array.
    ///
    /// # Errors
    /// When the body is not text, or has no array.
    pub fn open(body: &'a [u8]) -> Result<Self, ValidationError> {
        let text = decode(body).map_err(|error| not_utf8(body, error.valid_up_to()))?;
        let begin = text.len() - text.trim_start_matches(is_space).len();
        match text.as_bytes().get(begin).copied() {
            Some(b'[') => Ok(Self::new(text, None, begin + 1, true)),
            Some(b'{') => {
                let (strict, begin) = find_array(&text)?;
                Ok(Self::new(text, strict, begin, false))
            }
            None => Err(ValidationError::new(Location::Body, ErrorKind::Missing, "null")),
            // Malformed JSON, or a value of another type.
            Some(_) => Err(Document::parse(body).err().unwrap_or_else(|| {
                ValidationError::new(Location::Body, ErrorKind::ListType, &text)
            })),
        }
    }

    fn new(text: Cow<'a, str>, strict: Option<String>, position: usize, is_whole: bool) -> Self {
        Self { text, strict, position, has_rows: false, is_whole, line: (0, 1) }
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the body is not JSON.
    pub fn next_row(&mut self) -> Result<Option<ParsedRow<'a>>, ValidationError> {
        match self.next_byte() {
            Some(b']') => return self.end().map(|()| None),
            Some(b',') if self.has_rows => {
                self.position += 1;
                self.next_byte();
            }
            _ if self.has_rows => return Err(self.syntax_error("expected `,` or `]`")),
            _ => {}
        }
        self.has_rows = true;
        let begin = self.position;
        if let Some((values, key, row)) = self.plain_row()
            && row.len() <= MAX_ROW_BYTES
        {
            self.position += row.len();
            let line = if key.is_some() { self.line_at(begin) } else { 0 };
            let key = key.map(|key| RowKey::new(key, row.as_bytes().into()));
            return Ok(Some(ParsedRow { line, reading: Ok(values), key }));
        }
        self.position += self.value_length()?;
        let line = self.line_at(begin);
        Ok(Some(self.peculiar_row(begin, line)))
    }

    /// A row as nearly every sender writes it, and its text.
    fn plain_row(&self) -> Option<(ReadingValues<'a>, Option<Cow<'a, str>>, &'a str)> {
        let (Cow::Borrowed(text), None) = (&self.text, &self.strict) else { return None };
        // serde reads structs from arrays, too.
        let rest = text.get(self.position..).filter(|rest| rest.starts_with('{'))?;
        let mut rows = serde_json::Deserializer::from_str(rest).into_iter::<PlainBody>();
        let (values, key) = rows.next()?.ok()?.values()?;
        Some((values, key, rest.get(..rows.byte_offset())?))
    }

    /// The row before the present position, whose text is not borrowed.
    fn peculiar_row(&self, begin: usize, line: u64) -> ParsedRow<'a> {
        let text = self.text.get(begin..self.position).unwrap_or_default();
        match parse_row(text.as_bytes()) {
            Ok((values, key)) => {
                let row = || text.as_bytes().to_owned().into();
                let key = key.map(|key| RowKey::new(key.into_owned().into(), row()));
                ParsedRow { line, reading: Ok(values.into_owned()), key }
            }
            Err(errors) => ParsedRow { line, reading: Err(errors), key: None },
        }
    }

    /// The length of the next value.
    fn value_length(&mut self) -> Result<usize, ValidationError> {
        let rest = self.rest().unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let error = match values.next() {
            Some(Ok(_)) => return Ok(values.byte_offset()),
            Some(Err(error)) => error,
            None => return Err(self.syntax_error("EOF while parsing a value")),
        };
        if self.strict.is_some() {
            return Err(syntax_error_after(&self.text, self.position, &error));
        }
        self.strict = Some(without_non_finite(&self.text));
        self.value_length()
    }

    /// Only space may follow the array.
    fn end(&mut self) -> Result<(), ValidationError> {
        self.position += 1;
        match self.next_byte() {
            Some(_) if self.is_whole => Err(self.syntax_error("trailing characters")),
            _ => Ok(()),
        }
    }

    /// The next byte that is not space.
    fn next_byte(&mut self) -> Option<u8> {
        let rest = self.rest()?;
        self.position += rest.len() - rest.trim_start_matches(is_space).len();
        self.text.as_bytes().get(self.position).copied()
    }

    fn rest(&self) -> Option<&str> {
        self.strict.as_deref().unwrap_or(&self.text).get(self.position..)
    }

    fn line_at(&mut self, position: usize) -> u64 {
        let (from, line) = self.line;
        let between = self.text.as_bytes().get(from..position).unwrap_or_default();
        let newlines = between.split(|byte| *byte == b'\n').skip(1).count();
        self.line = (position, line + newlines as u64);
        self.line.1
    }

    fn syntax_error(&self, reason: &str) -> ValidationError {
        let before = self.text.get(..self.position).unwrap_or_default();
        let kind = ErrorKind::JsonInvalid(reason.to_owned());
        ValidationError::new(Location::Offset(before.chars().count()), kind, "{}")
    }
}

/// White space of JSON.
const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// The object as strict JSON, if the text is not, and the position after the `[` of its member.
fn find_array(text: &str) -> Result<(Option<String>, usize), ValidationError> {
    if let Ok(member) = serde_json::from_str::<ReadingsMember>(text) {
        return member.position_in(text, text).map(|position| (None, position));
    }
    let strict = without_non_finite(text);
    let member = serde_json::from_str::<ReadingsMember>(&strict);
    let member = member.map_err(|error| syntax_error_after(text, 0, &error))?;
    let position = member.position_in(&strict, text)?;
    Ok((Some(strict), position))
}

/// The member `readings` of an object; the last one of several.
struct ReadingsMember<'a>(Option<&'a RawValue>);

impl ReadingsMember<'_> {
    /// The position after the `[` of the array.
    fn position_in(&self, json: &str, text: &str) -> Result<usize, ValidationError> {
        let error = |kind, input| ValidationError::new(Location::Field("readings"), kind, input);
        let raw = self.0.ok_or_else(|| error(ErrorKind::Missing, text))?.get();
        if !raw.starts_with('[') {
            return Err(error(ErrorKind::ListType, raw));
        }
        Ok(raw.as_ptr().addr() - json.as_ptr().addr() + 1)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Name {
    Readings,
    #[serde(other)]
    Other,
}

impl<'a> Deserialize<'a> for ReadingsMember<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadingsVisitor)
    }
}

/// Keeps no other members: there may be very many.
struct ReadingsVisitor;

impl<'a> Visitor<'a> for ReadingsVisitor {
    type Value = ReadingsMember<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut readings = None;
        while let Some(name) = members.next_key()? {
            match name {
                Name::Readings => readings = Some(members.next_value()?),
                Name::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(ReadingsMember(readings))
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
