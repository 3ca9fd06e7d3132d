//! Validation of a measurement whose values a receiver has found in a row of another form.

use serde_json::Value;

use super::error::{ErrorKind, Location, ValidationError};
use super::rules::{id_error, power_error};
use crate::iso8601::{Instant, TimestampError};
use crate::power::Power;
use crate::reading::ReadingValues;

/// A measurement that is not validated yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement<'a> {
    /// The site.
    pub site: &'a str,
    /// The device.
    pub device: &'a str,
    /// Mean or momentary power in watts.
    pub watts: f64,
    /// The time of it.
    pub instant: Instant,
}

impl<'a> Measurement<'a> {
    /// The reading, by the rules of a request body; its timestamp is the instant in UTC.
    ///
    /// # Errors
    /// One for each rule that a value breaks, in the order of the fields of a reading.
    pub fn validate(&self) -> Result<ReadingValues<'a>, Vec<ValidationError>> {
        let power = Power::from_watts(self.watts).map_err(power_error);
        let no_such_day = ErrorKind::Timestamp(TimestampError::NoSuchDay);
        let timestamp = self.instant.to_timestamp().ok_or(no_such_day);
        match (id_error(self.site), id_error(self.device), power, timestamp) {
            (None, None, Ok(power), Ok(timestamp)) => Ok(ReadingValues {
                site_id: self.site.into(),
                device_id: self.device.into(),
                power,
                timestamp: timestamp.into(),
            }),
            (site, device, power, timestamp) => {
                let micros = self.instant.epoch_micros();
                let errors = [
                    site.map(|kind| error("site_id", kind, &self.site.into())),
                    device.map(|kind| error("device_id", kind, &self.device.into())),
                    power.err().map(|kind| error("power_reading", kind, &self.watts.into())),
                    timestamp.err().map(|kind| error("timestamp", kind, &micros.into())),
                ];
                Err(errors.into_iter().flatten().collect())
            }
        }
    }
}

#[cold]
fn error(field: &'static str, kind: ErrorKind, input: &Value) -> ValidationError {
    ValidationError::new(Location::Field(field), kind, &input.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Instant = Instant::from_epoch_micros(1_705_314_600_000_000);

    #[test]
    fn a_measurement_is_the_reading_that_a_body_with_its_values_would_be() {
        let measurement =
            Measurement { site: "house-01", device: "meter", watts: -0.0, instant: NOON };
        let body = br#"{"site_id":"house-01","device_id":"meter","power_reading":0,"timestamp":"2024-01-15T10:30:00Z"}"#;
        let reading = crate::validation::parse_reading(body).unwrap();
        assert_eq!(measurement.validate().unwrap(), reading.into());
    }

    #[test]
    fn every_rule_that_is_broken_is_reported_in_the_order_of_the_fields() {
        let long = "x".repeat(257);
        let far = Instant::from_epoch_micros(i64::MAX);
        let measurement =
            Measurement { site: "", device: &long, watts: f64::INFINITY, instant: far };
        let errors = measurement.validate().unwrap_err();
        let codes: Vec<_> = errors.iter().map(|error| error.kind.code()).collect();
        assert_eq!(codes, ["string_too_short", "string_too_long", "finite_number", "value_error"]);
    }
}
