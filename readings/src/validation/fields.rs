//! Validation of a reading whose members are texts, as in CSV.

use serde_json::Value;

use super::error::{ErrorKind, Location, ValidationError};
use super::rules::{device_id_of, power_of, site_id_of, timestamp_of};
use crate::reading::Reading;

/// Parses site, device, power and timestamp by the rules of a body whose members are these texts.
///
/// # Errors
/// One for each rule that a text breaks, in this order.
pub fn parse_fields(
    [site_id, device_id, power, timestamp]: [&str; 4],
) -> Result<Reading, Vec<ValidationError>> {
    let mut errors = Vec::new();
    let site_id = check(&mut errors, "site_id", site_id, |text| site_id_of(text.to_owned()));
    let device_id =
        check(&mut errors, "device_id", device_id, |text| device_id_of(text.to_owned()));
    let power = check(&mut errors, "power_reading", power, power_of);
    let timestamp =
        check(&mut errors, "timestamp", timestamp, |text| timestamp_of(text.to_owned()));
    match (site_id, device_id, power, timestamp) {
        (Some(site_id), Some(device_id), Some(power), Some(timestamp)) => {
            Ok(Reading { site_id, device_id, power, timestamp })
        }
        _ => Err(errors),
    }
}

/// The value that a rule accepts; otherwise the error is recorded.
fn check<T>(
    errors: &mut Vec<ValidationError>,
    name: &'static str,
    text: &str,
    rule: impl FnOnce(&str) -> Result<T, ErrorKind>,
) -> Option<T> {
    let error = |kind| {
        let input = Value::from(text).to_string();
        errors.push(ValidationError::new(Location::Field(name), kind, &input));
    };
    rule(text).map_err(error).ok()
}
