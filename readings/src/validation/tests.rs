use serde_json::{Value, json};

use super::*;

/// `[(type, place), …]` of all errors of a body.
fn errors(body: &str) -> Vec<(&'static str, String)> {
    let errors = parse_reading(body.as_bytes()).expect_err(body);
    errors.iter().map(|error| (error.kind.code(), place(error.location))).collect()
}

fn place(location: Location) -> String {
    match location {
        Location::Body => "body".to_owned(),
        Location::Field(name) | Location::Header(name) => name.to_owned(),
        Location::Offset(offset) => offset.to_string(),
    }
}

fn only_error(body: &str) -> (&'static str, String) {
    let mut errors = errors(body);
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

fn body_with(field: &str, raw: &str) -> String {
    let members = [
        ("site_id", r#""house-01""#),
        ("device_id", r#""main-meter""#),
        ("power_reading", "1500.5"),
        ("timestamp", r#""2024-01-15T10:30:00Z""#),
    ];
    let members =
        members.map(|(n, value)| format!("\"{n}\":{}", if n == field { raw } else { value }));
    format!("{{{}}}", members.join(","))
}

#[test]
fn a_reading_is_accepted_as_it_was_sent() {
    let reading = parse_reading(body_with("site_id", r#"" S\u00e9 ""#).as_bytes()).unwrap();
    assert_eq!(reading.site_id.as_str(), " Sé ");
    assert_eq!(reading.power.to_string(), "1500.5");
    assert_eq!(reading.timestamp.as_str(), "2024-01-15T10:30:00Z");
}

#[test]
fn all_errors_are_reported_at_once_in_field_order() {
    let body = r#"{"timestamp":5,"power_reading":-1,"site_id":""}"#;
    let expected = [
        ("string_too_short", "site_id"),
        ("missing", "device_id"),
        ("greater_than_equal", "power_reading"),
        ("string_type", "timestamp"),
    ];
    assert_eq!(errors(body), expected.map(|(kind, place)| (kind, place.to_owned())));
}

#[test]
fn numbers_come_as_numbers_or_as_their_text() {
    for (raw, watts) in
        [("0", 0.0), ("-0.0", 0.0), ("1e3", 1e3), (r#"" 12 ""#, 12.0), ("1e308", 1e308)]
    {
        let reading = parse_reading(body_with("power_reading", raw).as_bytes()).expect(raw);
        assert_eq!(reading.power.watts().to_bits(), f64::to_bits(watts), "{raw}");
    }
}

#[test]
fn an_invalid_power_is_rejected_by_its_rule() {
    for (raw, kind) in [
        ("true", "float_type"),
        ("null", "float_type"),
        ("[]", "float_type"),
        (r#""abc""#, "float_parsing"),
        (r#""""#, "float_parsing"),
        (r#""1_000""#, "float_parsing"),
        (r#""nan""#, "finite_number"),
        ("1e400", "finite_number"),
        ("-1e400", "finite_number"),
        ("NaN", "finite_number"),
        ("Infinity", "finite_number"),
        ("-Infinity", "finite_number"),
        ("-0.0001", "greater_than_equal"),
    ] {
        let error = only_error(&body_with("power_reading", raw));
        assert_eq!(error, (kind, "power_reading".to_owned()), "{raw}");
    }
}

#[test]
fn numbers_that_json_does_not_have_are_ignored_in_unknown_members() {
    for more in ["NaN", "Infinity", "-Infinity", "[1, NaN]", r#"{"a":[{"b":-Infinity}]}"#] {
        let body = body_with("power_reading", &format!("1,\"more\":{more}"));
        assert_eq!(parse_reading(body.as_bytes()).expect(more).power.to_string(), "1.0");
    }
    let text = body_with("site_id", r#""NaN \" Infinity""#);
    assert_eq!(parse_reading(text.as_bytes()).unwrap().site_id.as_str(), "NaN \" Infinity");
}

#[test]
fn a_number_that_json_does_not_have_is_not_text() {
    for field in ["site_id", "device_id", "timestamp"] {
        assert_eq!(only_error(&body_with(field, "NaN")), ("string_type", field.to_owned()));
    }
    let errors = parse_reading(body_with("power_reading", "[NaN]").as_bytes()).unwrap_err();
    assert_eq!((errors[0].kind.code(), &errors[0].input), ("float_type", &json!("[NaN]")));
}

#[test]
fn numbers_that_python_does_not_have_either_are_malformed() {
    for more in ["-NaN", "1NaN", "NaN1", "NaNNaN", "+Infinity", "Inf", "nan", "Infinity.0"] {
        let body = body_with("power_reading", &format!("1,\"more\":{more}"));
        assert_eq!(only_error(&body).0, "json_invalid", "{more}");
    }
    assert_eq!(only_error(&body_with("power_reading", "1,NaN:2")).0, "json_invalid");
    // As CPython 3.11's json.JSONDecodeError.pos: behind the number, not at it.
    assert_eq!(only_error(r#"{"a":NaN,"é":x}"#), ("json_invalid", "13".to_owned()));
}

#[test]
fn a_body_may_be_in_utf_16_or_utf_32_as_in_python() {
    let body = body_with("site_id", "\"é🏠\"");
    let utf16 = body.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    let utf32 = body.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<_>>();
    for bytes in [utf16, utf32] {
        assert_eq!(parse_reading(&bytes).unwrap().site_id.as_str(), "é🏠");
    }
}

#[test]
fn a_timestamp_has_at_most_128_characters() {
    let timestamp = |length: usize| format!("\"2024-01-15T10:30:00.{}Z\"", "5".repeat(length - 21));
    assert!(parse_reading(body_with("timestamp", &timestamp(128)).as_bytes()).is_ok());
    let too_long = [
        timestamp(129),
        timestamp(60_000),
        format!("\"{}\"", "é".repeat(129)),
        timestamp(129).replace('5', "\\u0035"),
    ];
    for raw in too_long {
        let errors = parse_reading(body_with("timestamp", &raw).as_bytes()).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(place(errors[0].location), "timestamp");
        assert_eq!(errors[0].kind.code(), "string_too_long");
        assert_eq!(errors[0].kind.context(), Some(json!({ "max_length": 128 })));
        assert!(errors[0].kind.message().contains("128 characters"));
    }
    // Characters count, not bytes: 127 and a separator of two bytes.
    let fraction = "5".repeat(128 - 20 - 1);
    let body = body_with("timestamp", &format!("\"2024-01-15é10:30:00.{fraction}Z\""));
    assert!(parse_reading(body.as_bytes()).is_ok());
}

#[test]
fn ids_have_1_to_256_bytes_and_no_control_characters() {
    let id = |length: usize| format!("\"{}\"", "é".repeat(length / 2));
    assert!(parse_reading(body_with("device_id", &id(256)).as_bytes()).is_ok());
    let kind = |raw: &str| only_error(&body_with("device_id", raw)).0;
    assert_eq!(kind(&id(258)), "string_too_long");
    assert_eq!(kind(r#""""#), "string_too_short");
    assert_eq!(kind(r#""a\nb""#), "value_error");
    assert_eq!(kind(r#""\ud800""#), "value_error");
    assert_eq!(kind("5"), "string_type");
}

#[test]
fn of_repeated_members_the_last_counts_and_unknown_ones_are_ignored() {
    let body = body_with("power_reading", r#"1,"power_reading":2,"firmware":{"v":[1,null]}"#);
    assert_eq!(parse_reading(body.as_bytes()).unwrap().power.to_string(), "2.0");
}

#[test]
fn a_body_that_is_not_an_object_is_rejected_as_such() {
    assert_eq!(only_error(""), ("missing", "body".to_owned()));
    assert_eq!(only_error("null"), ("missing", "body".to_owned()));
    let values = r#"["site", "device", 5, "2024-01-15"]"#;
    for body in ["[]", "5", r#""text""#, "true", values] {
        assert_eq!(only_error(body), ("model_attributes_type", "body".to_owned()), "{body}");
    }
}

#[test]
fn malformed_json_is_located_by_the_character() {
    // As CPython 3.11's json.JSONDecodeError.pos.
    for (body, offset) in [
        ("{\"site_id\":", "11"),
        ("{\"a\":x}", "5"),
        ("{} x", "3"),
        ("{\"é\":x}", "5"),
        ("{\n\"a\":\n x}", "8"),
        ("x", "0"),
    ] {
        assert_eq!(only_error(body), ("json_invalid", offset.to_owned()), "{body}");
    }
    let bytes = b"{\"site_id\":\"\xff\"}";
    let errors = parse_reading(bytes).unwrap_err();
    assert_eq!(errors[0].location, Location::Offset(12));
    let mut ignored = body_with("power_reading", r#"1,"more":"x""#).into_bytes();
    assert!(parse_reading(&ignored).is_ok());
    let place = ignored.iter().position(|byte| *byte == b'x').unwrap();
    ignored[place] = 0xff;
    assert_eq!(parse_reading(&ignored).unwrap_err()[0].location, Location::Offset(place));
}

#[test]
fn long_input_is_truncated_in_the_response() {
    let errors =
        parse_reading(body_with("site_id", &format!("\"{}\"", "é".repeat(100_000))).as_bytes());
    let Value::String(input) = &errors.unwrap_err()[0].input else { panic!("no text") };
    assert!(input.len() < 600 && input.ends_with('…'));
}

#[test]
fn the_input_of_a_missing_member_is_the_body_that_lacks_it() {
    let errors = parse_reading(br#"{"site_id":"s"}"#).unwrap_err();
    assert_eq!(errors[0].input, json!({ "site_id": "s" }));
}
