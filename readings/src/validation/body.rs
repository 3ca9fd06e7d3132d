//! The JSON body of a reading.
//!
//! It is parsed twice at most: [`parse_fast`] accepts what nearly every client sends and reports nothing;
//! [`parse_lenient`] knows every peculiarity that the contract allows, and every error.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use super::error::{ErrorKind, Location, ValidationError};
use super::json::{self, Document};
use super::limits::MAX_ROW_BYTES;
use super::rules::{device_id_of, id_error, is_too_long, power_of, site_id_of, timestamp_of};
use crate::power::Power;
use crate::reading::{DeviceId, Reading, SiteId, Timestamp};

/// Parses the JSON body of one reading.
///
/// # Errors
/// One for each rule that the body breaks, in field order.
pub fn parse_reading(body: &[u8]) -> Result<Reading, Vec<ValidationError>> {
    parse_fast(body).map_or_else(|| parse_lenient(body), Ok)
}

/// The members of a body as nearly every sender writes them.
#[derive(Debug, Deserialize)]
pub(super) struct PlainBody<'a> {
    #[serde(borrow)]
    site_id: Cow<'a, str>,
    #[serde(borrow)]
    device_id: Cow<'a, str>,
    power_reading: f64,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
}

/// Parses a body without peculiarities; `None` means nothing about its validity.
pub(super) fn parse_fast(body: &[u8]) -> Option<Reading> {
    // An array of four values is no reading, but serde reads structs from arrays, too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    // As text: of bytes, serde does not check the strings of members that it ignores.
    let body: PlainBody = serde_json::from_str(str::from_utf8(body).ok()?).ok()?;
    body.reading()
}

impl PlainBody<'_> {
    /// The reading if it is valid.
    pub(super) fn reading(self) -> Option<Reading> {
        let has_invalid_id =
            [&self.site_id, &self.device_id].into_iter().any(|id| id_error(id).is_some());
        if has_invalid_id || is_too_long(&self.timestamp) {
            return None;
        }
        Some(Reading {
            site_id: SiteId::new(self.site_id)?,
            device_id: DeviceId::new(self.device_id)?,
            power: Power::from_watts(self.power_reading).ok()?,
            timestamp: Timestamp::parse(self.timestamp).ok()?,
        })
    }
}

/// Parses a row as if it were the body of a request of its own.
pub(super) fn parse_row(row: &str) -> Result<Reading, Vec<ValidationError>> {
    if row.len() > MAX_ROW_BYTES {
        return Err(vec![ValidationError::new(Location::Body, ErrorKind::RowTooLong, row)]);
    }
    parse_reading(row.as_bytes())
}

/// Parses a body with every peculiarity that the contract allows, and reports every error.
pub(super) fn parse_lenient(body: &[u8]) -> Result<Reading, Vec<ValidationError>> {
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
    site_id_of(json::string(raw)?)
}

fn device_id(raw: &str) -> Result<DeviceId, ErrorKind> {
    device_id_of(json::string(raw)?)
}

fn power(raw: &str) -> Result<Power, ErrorKind> {
    match raw.as_bytes().first() {
        Some(b'"') => power_of(&json::string(raw)?),
        Some(b'-' | b'0'..=b'9' | b'I' | b'N') => power_of(raw),
        _ => Err(ErrorKind::FloatType),
    }
}

fn timestamp(raw: &str) -> Result<Timestamp, ErrorKind> {
    timestamp_of(json::string(raw)?)
}
