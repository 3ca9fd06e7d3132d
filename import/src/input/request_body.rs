//! The body that is sent for a row: the members of a reading and no others, in one spelling, so that a
//! row is the same row however a file writes it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A reading as the service takes it. What its members hold is for the service to judge.
#[derive(Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are the members' names")]
struct Reading<'a> {
    #[serde(borrow)]
    site_id: Cow<'a, str>,
    #[serde(borrow)]
    device_id: Cow<'a, str>,
    /// As it is written: digits are kept.
    #[serde(borrow)]
    power_reading: &'a RawValue,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
}

/// A reading whose members are texts; so may its power be, to the service.
#[derive(Serialize)]
struct Texts<'a> {
    site_id: &'a str,
    device_id: &'a str,
    power_reading: &'a str,
    timestamp: &'a str,
}

/// The body for the fields of a table: site, device, power and time.
pub fn of_fields([site_id, device_id, power_reading, timestamp]: [&str; 4]) -> String {
    let reading = Texts { site_id, device_id, power_reading, timestamp };
    // Never Err: these are texts.
    serde_json::to_string(&reading).unwrap_or_default()
}

/// The body for a JSON object; `None` where it is none or lacks something, which is sent as it is.
pub fn of_object(text: &str) -> Option<String> {
    let reading: Reading<'_> = serde_json::from_str(text).ok()?;
    serde_json::to_string(&reading).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str =
        r#"{"site_id":"s","device_id":"dé","power_reading":1500.50,"timestamp":"2024-01-15"}"#;

    #[test]
    fn an_object_is_the_same_however_it_is_written() {
        for text in [
            PLAIN,
            r#" { "timestamp": "2024-01-15", "device_id":"d\u00e9","note":[1,{}],"site_id":"s",
                "power_reading" : 1500.50 } "#,
        ] {
            assert_eq!(of_object(text).as_deref(), Some(PLAIN));
        }
        assert_ne!(of_object(&PLAIN.replace("1500.50", "1500.5")).as_deref(), Some(PLAIN));
    }

    #[test]
    fn what_is_no_whole_reading_is_for_the_service_to_judge() {
        for text in [
            "{}",
            "[]",
            "x",
            &PLAIN.replace("\"s\"", "1"),
            &PLAIN.replace("\"s\"", r#""\ud800""#),
            &PLAIN.replace('{', r#"{"site_id":"t","#),
            &format!("{PLAIN}{PLAIN}"),
        ] {
            assert_eq!(of_object(text), None, "{text}");
        }
        let odd = PLAIN.replace("1500.50", r#"[true, "x"]"#);
        assert_eq!(of_object(&odd), Some(odd));
    }

    #[test]
    fn fields_are_texts() {
        let body = of_fields(["a\"b", "d", "1.50", "2024-01-15"]);
        let expected =
            r#"{"site_id":"a\"b","device_id":"d","power_reading":"1.50","timestamp":"2024-01-15"}"#;
        assert_eq!(body, expected);
    }
}
