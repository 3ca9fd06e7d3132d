//! Properties of reading bodies: near to valid, and any bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::body::parse_lenient;
use super::*;

const WORDS: [&str; 10] =
    ["null", "true", "NaN", "-Infinity", "Infinity", "1e400", "-0", "-0.0", "[]", "{}"];

const FIELDS: [&str; 4] = ["site_id", "device_id", "power_reading", "timestamp"];

/// A JSON string, with escapes and characters that the rules forbid.
fn any_string() -> impl Strategy<Value = String> {
    let text = prop_oneof!["[a-z0-9 -]{0,12}", "(?s).{0,12}", "é{100,300}"];
    let quoted = text.prop_map(|text| Value::from(text).to_string());
    let escapes = "(\\\\u[0-9a-fA-F]{4}|\\\\[nrt\"\\\\/bfux]|[a-z\\x00-\\x1f]){0,6}";
    prop_oneof![3 => quoted, 1 => escapes.prop_map(|raw| format!("\"{raw}\""))]
}

/// A value of any type, spelled in any way; not always JSON.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any_string(),
        prop::sample::select(&WORDS).prop_map(str::to_owned),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?",
        "\"[ ]?-?[0-9.eE+_]{0,12}(inf|nan)?\"",
        (1..300_usize).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
        (1..300_usize).prop_map(|depth| format!(
            "{}1{}",
            "{\"a\":".repeat(depth),
            "}".repeat(depth)
        )),
    ]
}

/// A value that a field accepts.
fn valid_value(field: &'static str) -> BoxedStrategy<String> {
    match field {
        "power_reading" => "(0|[1-9][0-9]{0,5})(\\.[0-9]{1,9})?(e[+-]?[0-9]{1,2})?".boxed(),
        "timestamp" => "\"20[0-9]{2}-0[1-9]-1[0-9]T1[0-9]:[0-5][0-9](:[0-5][0-9]Z?)?\"".boxed(),
        _ => "\"[a-zé🏠/]{1,12}\"".boxed(),
    }
}

/// The members of an object: the four fields, each valid most of the time, and others.
fn any_members() -> impl Strategy<Value = Vec<(String, String)>> {
    let field = |name: &'static str| {
        let value = prop_oneof![12 => valid_value(name), 1 => any_value()];
        vec(value, 1).prop_map(move |values| {
            values.into_iter().map(|value| (name.to_owned(), value)).collect::<Vec<_>>()
        })
    };
    let other = (
        prop_oneof![prop::sample::select(&FIELDS).prop_map(str::to_owned), "[a-z]{0,3}"],
        any_value(),
    );
    let others = prop_oneof![4 => Just(Vec::new()), 1 => vec(other, 0..3)];
    let fields = FIELDS.map(field);
    (fields, others)
        .prop_map(|(fields, others)| fields.into_iter().flatten().chain(others).collect::<Vec<_>>())
        .prop_shuffle()
}

/// A body as text: an object of members, or an array of its values.
fn any_body() -> impl Strategy<Value = String> {
    let space = || prop_oneof![Just(""), Just(" "), Just("\n\t ")];
    (any_members(), space(), 0..20_u8).prop_map(|(members, space, kind)| {
        let named = |(name, value): &(String, String)| format!("{space}\"{name}\"{space}:{value}");
        match kind {
            0 => {
                let mut values = members;
                values.sort_by_key(|(name, _)| FIELDS.iter().position(|field| field == name));
                let values: Vec<_> = values.into_iter().map(|(_, value)| value).collect();
                format!("{space}[{}]", values.join(","))
            }
            1 => members.first().map(|(_, value)| value.clone()).unwrap_or_default(),
            _ => {
                let members: Vec<_> = members.iter().map(named).collect();
                format!("{space}{{{}{space}}}{space}", members.join(","))
            }
        }
    })
}

/// Bytes of a body, a part of which is replaced.
fn damaged_body() -> impl Strategy<Value = Vec<u8>> {
    let instead =
        prop_oneof![any::<Vec<u8>>(), "[\\[\\]{}\":,0-9eN\\\\\\x00-]{0,4}".prop_map(Into::into)];
    let damaged = (any_body(), any::<prop::sample::Index>(), 0..6_usize, instead);
    damaged.prop_map(|(body, place, length, instead)| {
        let mut body = body.into_bytes();
        let from = place.index(body.len() + 1);
        let to = body.len().min(from + length);
        body.splice(from..to, instead);
        body
    })
}

fn utf16(body: &str) -> Vec<u8> {
    body.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The rank of an error: those of fields come in the order of the fields.
fn rank(error: &ValidationError) -> Option<usize> {
    match error.location {
        Location::Field(name) => FIELDS.iter().position(|field| *field == name),
        _ => None,
    }
}

/// An error names its place and its rule, and does not repeat a long input.
fn check_error(error: &ValidationError, body: &[u8]) -> Result<(), TestCaseError> {
    let ValidationError { location, kind, input } = error;
    prop_assert!(ValidationError::CODES.contains(&kind.code()));
    prop_assert!(!kind.message().is_empty());
    prop_assert_eq!(kind.code() == "json_invalid", matches!(location, Location::Offset(_)));
    match location {
        Location::Offset(offset) => prop_assert!(*offset <= body.len(), "{} of {:?}", offset, body),
        Location::Field(name) => prop_assert!(FIELDS.contains(name)),
        Location::Body => prop_assert!(matches!(kind, ErrorKind::Missing | ErrorKind::ObjectType)),
        Location::Header(name) => prop_assert!(false, "a body has no header {}", name),
    }
    if let Some(context) = kind.context().filter(|context| context.get("error").is_some()) {
        prop_assert!(context["error"].as_str().is_some_and(|reason| !reason.is_empty()));
    }
    prop_assert!(input.to_string().len() < 4_000);
    Ok(())
}

fn check_body(body: &[u8]) -> Result<(), TestCaseError> {
    let parsed = parse_reading(body);
    match &parsed {
        Ok(reading) => {
            let again = json!({
                "site_id": reading.site_id.as_str(), "device_id": reading.device_id.as_str(),
                "power_reading": reading.power, "timestamp": reading.timestamp.as_str(),
            });
            let again = parse_reading(again.to_string().as_bytes());
            prop_assert_eq!(again.as_ref(), Ok(reading));
        }
        Err(errors) => {
            prop_assert!(!errors.is_empty());
            errors.iter().try_for_each(|error| check_error(error, body))?;
            let ranks: Vec<_> = errors.iter().map(rank).collect();
            prop_assert!(ranks.is_sorted_by(|one, next| one < next), "{:?}", errors);
            prop_assert!(errors.len() == 1 || ranks.iter().all(Option::is_some), "{:?}", errors);
        }
    }
    // The fast parser accepts nothing that the lenient one does not, and reads it as the same.
    prop_assert_eq!(parse_lenient(body), parsed);
    Ok(())
}

proptest! {
    #[test]
    fn a_body_is_accepted_and_comes_back_or_is_rejected_by_place_and_rule(
        body in any_body(), damaged in damaged_body(), bytes in any::<Vec<u8>>(),
    ) {
        check_body(body.as_bytes())?;
        check_body(&damaged)?;
        check_body(&bytes)?;
    }

    #[test]
    fn a_body_in_utf_16_is_what_it_is_in_utf_8(body in any_body()) {
        // JSON begins with ASCII, by which the encodings are told apart.
        if body.len() > 4 && body.chars().take(4).all(|first| matches!(first, ' '..='~')) {
            prop_assert_eq!(parse_reading(&utf16(&body)), parse_reading(body.as_bytes()));
        }
    }

    #[test]
    fn a_valid_body_is_accepted(
        site in valid_value("site_id"), watts in valid_value("power_reading"),
        timestamp in valid_value("timestamp"),
    ) {
        let body = format!(
            r#"{{"site_id":{site},"device_id":"d","power_reading":{watts},"timestamp":{timestamp}}}"#
        );
        prop_assert!(parse_reading(body.as_bytes()).is_ok(), "{}", body);
    }
}
