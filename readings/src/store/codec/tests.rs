use super::*;

fn decoded(id: &str, fields: &[(&str, &str)]) -> Result<StreamEntry, DecodeError> {
    decode(id.parse().unwrap(), fields).map_err(|undecodable| undecodable.reason)
}

const HOUSE: [(&str, &str); 5] = [
    ("site_id", "house-01"),
    ("device_id", "main-meter"),
    ("power_reading", "1500.5"),
    ("timestamp", "2024-01-15T10:30:00Z"),
    ("ingested_at", "2024-01-15T10:30:01.123456"),
];

fn house_with(field: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    HOUSE.iter().map(|&(n, v)| if n == field { (n, value) } else { (n, v) }).collect()
}

/// The bytes are frozen: one other space or digit, and a redelivered entry is stored twice.
#[test]
fn the_member_is_byte_for_byte_what_python_json_dumps_writes() {
    let entry = decoded("1705314601123-0", &HOUSE).unwrap();
    let golden = r#"{"stream_id": "1705314601123-0", "site_id": "house-01", "device_id": "main-meter", "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z", "ingested_at": "2024-01-15T10:30:01.123456"}"#;
    assert_eq!(String::from_utf8(member(&entry)).unwrap(), golden);
    assert_eq!(score(&entry).to_bits(), 1_705_314_600_f64.to_bits());
}

#[test]
fn text_in_a_member_is_escaped_as_python_escapes_it() {
    let entry = decoded("1-0", &house_with("site_id", "東京\"\\/\n\u{7f}\u{1}é🏠")).unwrap();
    let member = String::from_utf8(member(&entry)).unwrap();
    // CPython 3.11: json.dumps('東京"\\/\n\x7f\x01é🏠')
    let python = r#""site_id": "\u6771\u4eac\"\\/\n\u007f\u0001\u00e9\ud83c\udfe0""#;
    assert!(member.contains(python), "{member}");
}

#[test]
fn whole_and_huge_numbers_in_a_member_are_spelled_as_python_spells_them() {
    for (text, spelled) in [("1500", "1500.0"), ("1e308", "1e+308"), (" 12 ", "12.0")] {
        let entry = decoded("1-0", &house_with("power_reading", text)).unwrap();
        let member = String::from_utf8(member(&entry)).unwrap();
        assert!(member.contains(&format!("\"power_reading\": {spelled}, ")), "{member}");
    }
}

#[test]
fn an_entry_without_ingestion_time_takes_it_from_its_id() {
    let entry = decoded("1705314601123-7", &HOUSE[..4]).unwrap();
    assert_eq!(entry.ingested_at, "2024-01-15T10:30:01.123000");
}

#[test]
fn of_a_field_that_is_there_twice_the_last_counts() {
    let mut fields = HOUSE.to_vec();
    fields.push(("site_id", "house-02"));
    assert_eq!(decoded("1-0", &fields).unwrap().reading.site_id.as_str(), "house-02");
}

#[test]
fn an_entry_that_is_no_reading_says_why() {
    let reason = |fields: &[(&str, &str)]| decoded("1-0", fields).unwrap_err();
    assert_eq!(reason(&HOUSE[1..]), DecodeError::Missing("site_id"));
    assert_eq!(reason(&house_with("device_id", "")), DecodeError::Empty("device_id"));
    let power = |text| reason(&house_with("power_reading", text));
    assert_eq!(power("inf"), DecodeError::Power(PowerError::NotFinite));
    assert_eq!(power("0x10"), DecodeError::Power(PowerError::NotANumber));
    assert!(matches!(reason(&house_with("timestamp", "soon")), DecodeError::Timestamp(_)));
    assert_eq!(reason(&[]), DecodeError::Missing("site_id"));
}

#[test]
fn members_of_the_original_are_read_but_for_those_that_are_no_json() {
    let python = br#"{"stream_id": "1-0", "site_id": "\u6771", "device_id": "d", "power_reading": 1.0, "timestamp": "2024-01-15", "ingested_at": "2024-01-15T10:30:00"}"#;
    assert!(StoredReading::from_member(python).is_ok());
    let infinite = String::from_utf8_lossy(python).replace("1.0", "Infinity");
    assert!(StoredReading::from_member(infinite.as_bytes()).is_err());
    assert!(StoredReading::from_member(b"not json").is_err());
    let mut more = br#"{"more": "x", "#.to_vec();
    more.extend(&python[1..]);
    assert!(StoredReading::from_member(&more).is_ok());
    more[10] = 0xff;
    assert!(StoredReading::from_member(&more).is_err());
    let array = br#"["1-0", "s", "d", 1.0, "2024-01-15", "2024-01-15T10:30:00"]"#;
    assert!(StoredReading::from_member(array).is_err());
}
