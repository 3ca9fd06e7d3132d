//! Validation of a reading in a request body.
//!
//! All errors are reported at once, in field order, with the types of the original (pydantic's).
//!
//! A body is parsed twice at most: [`parse_fast`] accepts what nearly every client sends and reports
//! nothing; [`parse_lenient`] knows every peculiarity that the contract allows, and every error.

mod encoding;
mod error;
mod json;
mod limits;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

pub use self::error::{ErrorKind, Location, ValidationError};
use self::json::Document;
pub use self::limits::{MAX_ID_BYTES, MAX_TIMESTAMP_CHARACTERS};
use crate::power::{Power, PowerError};
use crate::reading::{DeviceId, Reading, SiteId, Timestamp};

/// Parses the JSON body of one reading.
///
/// # Errors
/// One for each rule that the body breaks, in field order.
pub fn parse_reading(body: &[u8]) -> Result<Reading, Vec<ValidationError>> {
    parse_fast(body).map_or_else(|| parse_lenient(body), Ok)
}

/// The members of a body as nearly every sender writes them.
#[derive(Deserialize)]
struct PlainBody<'a> {
    #[serde(borrow)]
    site_id: Cow<'a, str>,
    #[serde(borrow)]
    device_id: Cow<'a, str>,
    power_reading: f64,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
}

/// Parses a body without peculiarities; `None` means nothing about its validity.
fn parse_fast(body: &[u8]) -> Option<Reading> {
    // An array of four values is no reading, but serde reads structs from arrays, too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    // As text: of bytes, serde does not check the strings of members that it ignores.
    let body: PlainBody = serde_json::from_str(str::from_utf8(body).ok()?).ok()?;
    let has_invalid_id =
        [&body.site_id, &body.device_id].into_iter().any(|id| id_error(id).is_some());
    if has_invalid_id || is_too_long(&body.timestamp) {
        return None;
    }
    Some(Reading {
        site_id: SiteId::new(body.site_id)?,
        device_id: DeviceId::new(body.device_id)?,
        power: Power::from_watts(body.power_reading).ok()?,
        timestamp: Timestamp::parse(body.timestamp).ok()?,
    })
}

/// Parses a body with every peculiarity that the contract allows, and reports every error.
fn parse_lenient(body: &[u8]) -> Result<Reading, Vec<ValidationError>> {
    let document = Document::parse(body).map_err(|error| vec![error])?;
    let members = document.members().map_err(|error| vec![error])?;
    let mut validator = FieldValidator { document: &document, members, errors: Vec::new() };
    // In this order, which is that of the errors.
    let site_id = validator.field("site_id", site_id);
    let device_id = validator.field("device_id", device_id);
    let power = validator.field("power_reading", power);
    let timestamp = validator.field("timestamp", timestamp);
    let errors = validator.errors;
    match (site_id, device_id, power, timestamp) {
        (Some(site_id), Some(device_id), Some(power), Some(timestamp)) if errors.is_empty() => {
            Ok(Reading { site_id, device_id, power, timestamp })
        }
        _ => Err(errors),
    }
}

struct FieldValidator<'a> {
    document: &'a Document<'a>,
    members: HashMap<Cow<'a, str>, &'a str>,
    errors: Vec<ValidationError>,
}

impl FieldValidator<'_> {
    /// The value of a field that its rule accepts; otherwise the error is recorded.
    fn field<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&str) -> Result<T, ErrorKind>,
    ) -> Option<T> {
        let location = Location::Field(name);
        let raw = self.members.get(name).copied();
        let result = raw.map_or(Err(ErrorKind::Missing), rule);
        // A missing field has no input of its own: pydantic shows the object that lacks it.
        let input = raw.unwrap_or_else(|| self.document.text());
        result.map_err(|kind| self.errors.push(ValidationError::new(location, kind, input))).ok()
    }
}

fn site_id(raw: &str) -> Result<SiteId, ErrorKind> {
    SiteId::new(id(raw)?).ok_or(ErrorKind::StringTooShort)
}

fn device_id(raw: &str) -> Result<DeviceId, ErrorKind> {
    DeviceId::new(id(raw)?).ok_or(ErrorKind::StringTooShort)
}

fn id(raw: &str) -> Result<String, ErrorKind> {
    let text = json::string(raw)?;
    id_error(&text).map_or(Ok(text), Err)
}

fn id_error(id: &str) -> Option<ErrorKind> {
    if id.is_empty() {
        Some(ErrorKind::StringTooShort)
    } else if id.len() > MAX_ID_BYTES {
        Some(ErrorKind::StringTooLong)
    } else {
        id.contains(char::is_control).then_some(ErrorKind::ControlCharacter)
    }
}

fn power(raw: &str) -> Result<Power, ErrorKind> {
    let power = match raw.as_bytes().first() {
        Some(b'"') => Power::from_text(&json::string(raw)?),
        Some(b'-' | b'0'..=b'9' | b'I' | b'N') => Power::from_text(raw),
        _ => return Err(ErrorKind::FloatType),
    };
    power.map_err(|error| match error {
        PowerError::NotANumber => ErrorKind::FloatParsing,
        PowerError::NotFinite => ErrorKind::FiniteNumber,
        PowerError::Negative => ErrorKind::GreaterThanEqual,
    })
}

fn timestamp(raw: &str) -> Result<Timestamp, ErrorKind> {
    let text = json::string(raw)?;
    if is_too_long(&text) {
        return Err(ErrorKind::TimestampTooLong);
    }
    Timestamp::parse(text).map_err(ErrorKind::Timestamp)
}

fn is_too_long(timestamp: &str) -> bool {
    timestamp.len() > MAX_TIMESTAMP_CHARACTERS
        && timestamp.chars().count() > MAX_TIMESTAMP_CHARACTERS
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
