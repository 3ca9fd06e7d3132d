//! The request body of a row: the members of a reading, in one order and notation. Equal readings have equal bodies,
//! and so equal idempotency keys, however a file writes them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::input::site_hash::SiteHash;

/// A reading as in the API. Its values are validated by the service.
#[derive(Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are the members' names")]
struct Reading<'a> {
    #[serde(borrow)]
    site_id: Cow<'a, str>,
    #[serde(borrow)]
    device_id: Cow<'a, str>,
    /// Verbatim: no digit is lost.
    #[serde(borrow)]
    power_reading: &'a RawValue,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
}

/// A reading of strings; the service accepts power as a string, too.
#[derive(Serialize)]
struct StringReading<'a> {
    site_id: &'a str,
    device_id: &'a str,
    power_reading: &'a str,
    timestamp: &'a str,
}

/// A reading whose power is a number.
#[derive(Serialize)]
struct NumberReading<'a> {
    site_id: &'a str,
    device_id: &'a str,
    power_reading: f64,
    timestamp: &'a str,
}

/// A body that begins with `{"site_id":`, and the site in it.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestBody {
    /// JSON.
    pub json: String,
    /// The site of the reading.
    pub site: SiteHash,
}

/// The body for CSV fields: site, device, power and timestamp.
pub fn of_fields([site_id, device_id, power_reading, timestamp]: [&str; 4]) -> RequestBody {
    let reading = StringReading { site_id, device_id, power_reading, timestamp };
    // Never Err: all members are strings.
    let json = serde_json::to_string(&reading).unwrap_or_default();
    RequestBody { json, site: SiteHash::of(site_id) }
}

/// The body for a reading in W.
pub fn of_reading(site_id: &str, device_id: &str, watts: f64, timestamp: &str) -> RequestBody {
    let reading = NumberReading { site_id, device_id, power_reading: watts, timestamp };
    // Never Err: the names are strings.
    let json = serde_json::to_string(&reading).unwrap_or_default();
    RequestBody { json, site: SiteHash::of(site_id) }
}

/// The body for a JSON object; `None` if the text is not a reading, and is sent verbatim for the service to reject.
pub fn of_object(text: &str) -> Option<RequestBody> {
    let reading: Reading<'_> = serde_json::from_str(text).ok()?;
    let json = serde_json::to_string(&reading).ok()?;
    Some(RequestBody { json, site: SiteHash::of(&reading.site_id) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_object(text: &str) -> Option<String> {
        super::of_object(text).map(|body| body.json)
    }

    const PLAIN: &str =
        r#"{"site_id":"s","device_id":"dé","power_reading":1500.50,"timestamp":"2024-01-15"}"#;

    #[test]
    fn the_body_does_not_depend_on_how_an_object_is_written() {
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
    fn an_incomplete_reading_is_left_to_the_service() {
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
    fn rows_of_a_site_have_the_same_hash_in_each_format() {
        let fields = of_fields(["s", "d", "1", "2024-01-15"]);
        assert_eq!(super::of_object(PLAIN).unwrap().site, fields.site);
        assert_ne!(of_fields(["t", "d", "1", "2024-01-15"]).site, fields.site);
    }

    #[test]
    fn fields_are_strings() {
        let body = of_fields(["a\"b", "d", "1.50", "2024-01-15"]).json;
        let expected =
            r#"{"site_id":"a\"b","device_id":"d","power_reading":"1.50","timestamp":"2024-01-15"}"#;
        assert_eq!(body, expected);
    }
}
