//! Numbers and times in a payload.

use chrono::{DateTime, SecondsFormat, Utc};
use readings::power::scaled;
use serde_json::Value;

use super::profile::Unit;

/// The value of an epoch time from which on it is in milliseconds: as seconds, it is the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;

/// Words by which devices say that they have no value.
const NO_VALUE: [&str; 7] = ["", "unavailable", "unknown", "none", "null", "nan", "n/a"];

/// What is at the place of a power.
#[derive(Debug, PartialEq)]
pub(super) enum PowerText {
    /// A number in watts.
    Watts(String),
    /// Nothing, or a word for it.
    Absent,
    /// Something else.
    Invalid(String),
}

/// The power in a JSON value: a number, or a text with one.
pub(super) fn power_of_json(value: Option<&Value>, unit: Unit) -> PowerText {
    match value {
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => PowerText::Absent,
        Some(Value::Number(number)) => PowerText::Watts(in_watts(&number.to_string(), unit)),
        Some(Value::String(text)) => power_of_text(text, unit),
        Some(Value::Bool(value)) => PowerText::Invalid(value.to_string()),
    }
}

/// The power in a text.
pub(super) fn power_of_text(text: &str, unit: Unit) -> PowerText {
    let text = text.trim();
    if NO_VALUE.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return PowerText::Absent;
    }
    match text.parse::<f64>() {
        Ok(_) => PowerText::Watts(in_watts(text, unit)),
        Err(_) => PowerText::Invalid(text.to_owned()),
    }
}

fn in_watts(number: &str, unit: Unit) -> String {
    match unit {
        Unit::W => number.to_owned(),
        Unit::Kilowatts => scaled(number, 3),
    }
}

/// The timestamp in a JSON value: a text as it is, or an epoch time in seconds or milliseconds.
pub(super) fn timestamp_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => {
            let number = number.as_f64()?;
            let milliseconds = if number < MILLISECONDS_FROM { number * 1e3 } else { number };
            #[expect(clippy::cast_possible_truncation, reason = "an `as` cast saturates")]
            let time = DateTime::from_timestamp_millis(milliseconds.round() as i64)?;
            Some(rfc3339(time))
        }
        _ => None,
    }
}

/// A time as the timestamp of a reading.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kilowatts_become_watts_without_rounding() {
        for (kilowatts, watts) in
            [("1.001", 1001.0), ("0.123", 123.0), ("2", 2000.0), ("1e-3", 1.0), ("1.1e0", 1100.0)]
        {
            let PowerText::Watts(text) = power_of_text(kilowatts, Unit::Kilowatts) else {
                panic!("{kilowatts}")
            };
            assert_eq!(text.parse::<f64>(), Ok(watts));
        }
    }

    #[test]
    fn a_word_for_no_value_is_no_reading_and_other_words_are_invalid() {
        for text in ["", " ", "unavailable", "Unknown", "NaN"] {
            assert_eq!(power_of_text(text, Unit::W), PowerText::Absent, "{text}");
        }
        assert_eq!(power_of_text("on", Unit::W), PowerText::Invalid("on".to_owned()));
        assert_eq!(power_of_json(Some(&json!(true)), Unit::W), PowerText::Invalid("true".into()));
    }

    #[test]
    fn an_epoch_time_is_in_seconds_or_milliseconds() {
        for value in [json!(1_700_000_000), json!(1_700_000_000_000_i64), json!(1_700_000_000.0)] {
            assert_eq!(timestamp_of(Some(&value)).unwrap(), "2023-11-14T22:13:20Z");
        }
        assert_eq!(timestamp_of(Some(&json!(1.5))).unwrap(), "1970-01-01T00:00:01.500Z");
        assert_eq!(timestamp_of(Some(&json!("2024-01-15"))).unwrap(), "2024-01-15");
        assert_eq!(timestamp_of(Some(&json!(null))), None);
    }
}
