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
use super::row_key::{IDEMPOTENCY_KEY, is_key};
use super::rules::{device_id_of, id_error, is_too_long, power_of, site_id_of, timestamp_of};
use crate::iso8601;
use crate::power::Power;
use crate::reading::{DeviceId, Reading, ReadingValues, SiteId, Timestamp};

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
    /// Of a row; the body of one reading has its key in a header.
    #[serde(borrow, default)]
    idempotency_key: Option<Cow<'a, str>>,
}

/// The values of a row, and its idempotency key if it has one.
pub(super) type KeyedValues<'a> = (ReadingValues<'a>, Option<Cow<'a, str>>);

/// Parses a body without peculiarities; `None` means nothing about its validity.
pub(super) fn parse_fast(body: &[u8]) -> Option<Reading> {
    plain(body)?.reading()
}

fn plain(body: &[u8]) -> Option<PlainBody<'_>> {
    // An array of four values is no reading, but serde reads structs from arrays, too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    // As text: of bytes, serde does not check the strings of members that it ignores.
    serde_json::from_str(str::from_utf8(body).ok()?).ok()
}

impl<'a> PlainBody<'a> {
    /// The reading if it is valid.
    fn reading(self) -> Option<Reading> {
        if !self.has_valid_texts() {
            return None;
        }
        Some(Reading {
            site_id: SiteId::new(self.site_id)?,
            device_id: DeviceId::new(self.device_id)?,
            power: Power::from_watts(self.power_reading).ok()?,
            timestamp: Timestamp::parse(self.timestamp).ok()?,
        })
    }

    /// The values of the reading if it is valid, and its key if that is.
    pub(super) fn values(self) -> Option<KeyedValues<'a>> {
        let has_invalid_key = self.idempotency_key.as_ref().is_some_and(|key| !is_key(key));
        if has_invalid_key || !self.has_valid_texts() || iso8601::parse(&self.timestamp).is_err() {
            return None;
        }
        let Self { site_id, device_id, power_reading, timestamp, idempotency_key } = self;
        let power = Power::from_watts(power_reading).ok()?;
        Some((ReadingValues { site_id, device_id, power, timestamp }, idempotency_key))
    }

    /// Whether the ids are valid, and the timestamp is not too long.
    fn has_valid_texts(&self) -> bool {
        let are_ids = [&self.site_id, &self.device_id].into_iter().all(|id| id_error(id).is_none());
        are_ids && !is_too_long(&self.timestamp)
    }
}

/// Parses a row as if it were the body of a request of its own, which may have its idempotency key in a member.
pub(super) fn parse_row(row: &[u8]) -> Result<KeyedValues<'_>, Vec<ValidationError>> {
    if row.len() > MAX_ROW_BYTES {
        let text = String::from_utf8_lossy(row);
        return Err(vec![ValidationError::new(Location::Body, ErrorKind::RowTooLong, &text)]);
    }
    if let Some(values) = plain(row).and_then(PlainBody::values) {
        return Ok(values);
    }
    let (reading, key) = parse_members(row, true)?;
    Ok((reading.into(), key.map(Into::into)))
}

/// Parses a body with every peculiarity that the contract allows, and reports every error.
pub(super) fn parse_lenient(body: &[u8]) -> Result<Reading, Vec<ValidationError>> {
    Ok(parse_members(body, false)?.0)
}

fn parse_members(
    body: &[u8],
    may_have_key: bool,
) -> Result<(Reading, Option<String>), Vec<ValidationError>> {
    let document = Document::parse(body).map_err(|error| vec![error])?;
    let members = document.members().map_err(|error| vec![error])?;
    let mut validator = FieldValidator { document: &document, members, errors: Vec::new() };
    // In this order, which is that of the errors.
    let site_id = validator.field("site_id", site_id);
    let device_id = validator.field("device_id", device_id);
    let power = validator.field("power_reading", power);
    let timestamp = validator.field("timestamp", timestamp);
    let key = if may_have_key { validator.key() } else { None };
    let errors = validator.errors;
    match (site_id, device_id, power, timestamp) {
        (Some(site_id), Some(device_id), Some(power), Some(timestamp)) if errors.is_empty() => {
            Ok((Reading { site_id, device_id, power, timestamp }, key))
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

    /// The idempotency key if there is one and it is valid.
    fn key(&mut self) -> Option<String> {
        let raw = self.members.get(IDEMPOTENCY_KEY).copied().filter(|raw| *raw != "null")?;
        let key = json::string(raw).ok().filter(|key| is_key(key));
        if key.is_none() {
            let location = Location::Field(IDEMPOTENCY_KEY);
            self.errors.push(ValidationError::new(location, ErrorKind::InvalidKey, raw));
        }
        key
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
