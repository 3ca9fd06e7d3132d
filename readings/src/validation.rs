//! The rules for a reading that is sent to us, and what is wrong with one that breaks them.
//!
//! All faults are found at once, in field order, with the types that the original (pydantic)
//! gave them.

mod encoding;
mod fault;
mod json;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

pub use self::fault::{Fault, FaultKind, Location};
use self::json::Document;
use crate::power::{Power, PowerFault};
use crate::reading::{DeviceId, Reading, SiteId, Timestamp};

/// The most bytes of UTF-8 that a site or device id may have.
pub const MAX_ID_BYTES: usize = 256;

/// The most characters that a timestamp may have: it is kept as it was sent, with each stored reading,
/// and a fraction may have any number of digits.
pub const MAX_TIMESTAMP_CHARACTERS: usize = 128;

/// Reads the JSON body of one reading.
///
/// # Errors
/// All the rules that it breaks.
pub fn parse_reading(body: &[u8]) -> Result<Reading, Vec<Fault>> {
    well_formed(body).map_or_else(|| examine(body), Ok)
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

/// The quick way for a body without peculiarities; `None` says nothing about validity.
fn well_formed(body: &[u8]) -> Option<Reading> {
    let body: PlainBody = serde_json::from_slice(body).ok()?;
    id_fault(&body.site_id).or_else(|| id_fault(&body.device_id)).is_none().then_some(())?;
    (!is_too_long(&body.timestamp)).then_some(())?;
    Some(Reading {
        site_id: SiteId::new(body.site_id)?,
        device_id: DeviceId::new(body.device_id)?,
        power: Power::from_watts(body.power_reading).ok()?,
        timestamp: Timestamp::parse(body.timestamp).ok()?,
    })
}

/// The thorough way: knows every peculiarity that the contract allows, and names every fault.
fn examine(body: &[u8]) -> Result<Reading, Vec<Fault>> {
    let document = Document::parse(body).map_err(|fault| vec![fault])?;
    let members = document.members().map_err(|fault| vec![fault])?;
    let mut examination = Examination { document: &document, members, faults: Vec::new() };
    let site_id = examination.field("site_id", site_id);
    let device_id = examination.field("device_id", device_id);
    let power = examination.field("power_reading", power);
    let timestamp = examination.field("timestamp", timestamp);
    let faults = examination.faults;
    match (site_id, device_id, power, timestamp) {
        (Some(site_id), Some(device_id), Some(power), Some(timestamp)) if faults.is_empty() => {
            Ok(Reading { site_id, device_id, power, timestamp })
        }
        _ => Err(faults),
    }
}

struct Examination<'a> {
    document: &'a Document<'a>,
    members: HashMap<Cow<'a, str>, &'a str>,
    faults: Vec<Fault>,
}

impl Examination<'_> {
    fn field<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&str) -> Result<T, FaultKind>,
    ) -> Option<T> {
        let location = Location::Field(name);
        let raw = self.members.get(name).copied();
        let result = raw.map_or(Err(FaultKind::Missing), rule);
        let input = raw.unwrap_or_else(|| self.document.text());
        result.map_err(|kind| self.faults.push(Fault::new(location, kind, input))).ok()
    }
}

fn site_id(raw: &str) -> Result<SiteId, FaultKind> {
    SiteId::new(id(raw)?).ok_or(FaultKind::StringTooShort)
}

fn device_id(raw: &str) -> Result<DeviceId, FaultKind> {
    DeviceId::new(id(raw)?).ok_or(FaultKind::StringTooShort)
}

fn id(raw: &str) -> Result<String, FaultKind> {
    let text = json::string(raw)?;
    id_fault(&text).map_or(Ok(text), Err)
}

fn id_fault(id: &str) -> Option<FaultKind> {
    if id.is_empty() {
        Some(FaultKind::StringTooShort)
    } else if id.len() > MAX_ID_BYTES {
        Some(FaultKind::StringTooLong)
    } else {
        id.contains(char::is_control).then_some(FaultKind::ControlCharacter)
    }
}

fn power(raw: &str) -> Result<Power, FaultKind> {
    let power = match raw.as_bytes().first() {
        Some(b'"') => Power::from_text(&json::string(raw)?),
        Some(b'-' | b'0'..=b'9' | b'I' | b'N') => Power::from_text(raw),
        _ => return Err(FaultKind::FloatType),
    };
    power.map_err(|fault| match fault {
        PowerFault::NotANumber => FaultKind::FloatParsing,
        PowerFault::NotFinite => FaultKind::FiniteNumber,
        PowerFault::Negative => FaultKind::GreaterThanEqual,
    })
}

fn timestamp(raw: &str) -> Result<Timestamp, FaultKind> {
    let text = json::string(raw)?;
    if is_too_long(&text) {
        return Err(FaultKind::TimestampTooLong);
    }
    Timestamp::parse(text).map_err(FaultKind::Timestamp)
}

fn is_too_long(timestamp: &str) -> bool {
    timestamp.len() > MAX_TIMESTAMP_CHARACTERS
        && timestamp.chars().count() > MAX_TIMESTAMP_CHARACTERS
}

#[cfg(test)]
mod tests;
