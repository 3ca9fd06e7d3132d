//! The rules of the members of a reading, for their texts.

use super::error::ErrorKind;
use super::limits::{MAX_ID_BYTES, MAX_TIMESTAMP_CHARACTERS};
use crate::power::{Power, PowerError};
use crate::reading::{DeviceId, SiteId, Timestamp};

pub(super) fn site_id_of(text: String) -> Result<SiteId, ErrorKind> {
    id_error(&text).map_or(Ok(()), Err)?;
    SiteId::new(text).ok_or(ErrorKind::StringTooShort)
}

pub(super) fn device_id_of(text: String) -> Result<DeviceId, ErrorKind> {
    id_error(&text).map_or(Ok(()), Err)?;
    DeviceId::new(text).ok_or(ErrorKind::StringTooShort)
}

pub(super) fn id_error(id: &str) -> Option<ErrorKind> {
    if id.is_empty() {
        Some(ErrorKind::StringTooShort)
    } else if id.len() > MAX_ID_BYTES {
        Some(ErrorKind::StringTooLong)
    } else {
        has_control_character(id).then_some(ErrorKind::ControlCharacter)
    }
}

fn has_control_character(id: &str) -> bool {
    // Nearly all ids are ASCII, which needs no decoding.
    if id.is_ascii() {
        id.bytes().any(|byte| byte.is_ascii_control())
    } else {
        id.contains(char::is_control)
    }
}

pub(super) fn power_of(text: &str) -> Result<Power, ErrorKind> {
    Power::from_text(text).map_err(power_error)
}

pub(super) const fn power_error(error: PowerError) -> ErrorKind {
    match error {
        PowerError::NotANumber => ErrorKind::FloatParsing,
        PowerError::NotFinite => ErrorKind::FiniteNumber,
        PowerError::Negative => ErrorKind::GreaterThanEqual,
    }
}

pub(super) fn timestamp_of(text: String) -> Result<Timestamp, ErrorKind> {
    if is_too_long(&text) {
        return Err(ErrorKind::TimestampTooLong);
    }
    Timestamp::parse(text).map_err(ErrorKind::Timestamp)
}

pub(super) fn is_too_long(timestamp: &str) -> bool {
    timestamp.len() > MAX_TIMESTAMP_CHARACTERS
        && timestamp.chars().count() > MAX_TIMESTAMP_CHARACTERS
}
