//! Properties of stream entries and members, whatever their fields or bytes are.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const NAMES: [&str; 5] = ["site_id", "device_id", "power_reading", "timestamp", "ingested_at"];

type Field = (Vec<u8>, Vec<u8>);

prop_compose! {
    fn any_entry()(
        ms in 0..4_102_444_800_000_u64,
        seq in any::<u64>(),
        site in "\\PC{1,20}|[^\\x00-\\x1f]{1,20}",
        device in "(?s).{1,20}",
        watts in 0.0..=f64::MAX,
        second in 0..60_u8,
        ingested_at in prop_oneof![Just("2024-01-15T10:30:01.123456".to_owned()), "(?s).{0,20}"],
    ) -> StreamEntry {
        StreamEntry {
            id: StreamId { ms, seq },
            reading: Reading {
                site_id: SiteId::new(site).unwrap(),
                device_id: DeviceId::new(device).unwrap(),
                power: Power::from_watts(watts).unwrap(),
                timestamp: Timestamp::parse(format!("2024-01-15T10:30:{second:02}Z")).unwrap(),
            },
            ingested_at,
        }
    }
}

/// Fields as any writer may leave them: each of the five is valid, invalid or missing, others come
/// between them, and names repeat.
fn any_fields() -> impl Strategy<Value = Vec<Field>> {
    let field = |name: &'static str, valid: &'static str| {
        let value = prop_oneof![
            8 => valid.prop_map(String::into_bytes),
            1 => any::<Vec<u8>>(),
        ];
        vec(value, 0..=2).prop_map(move |values| {
            values.into_iter().map(|value| (name.as_bytes().to_vec(), value)).collect()
        })
    };
    let other = vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..2);
    let site = field(NAMES[0], "(?s).{1,12}");
    let device = field(NAMES[1], "(?s).{1,12}");
    let power = field(NAMES[2], "[ ]?[0-9]{1,5}(\\.[0-9]{0,20})?(e[+-]?[0-9]{1,3})?");
    let timestamp = field(NAMES[3], "20[0-9]{2}-0[1-9]-[0-2][0-9]T[0-2][0-9]:[0-5][0-9]Z?");
    let ingested_at = field(NAMES[4], "(?s).{0,30}");
    let fields = (site, device, power, timestamp, ingested_at, other);
    fields.prop_map(|(a, b, c, d, e, f): (Vec<Field>, Vec<Field>, Vec<Field>, Vec<Field>, _, _)| {
        [a, b, c, d, e, f].concat()
    })
}

fn any_id() -> impl Strategy<Value = StreamId> {
    let ms = prop_oneof![0..4_102_444_800_000_u64, any::<u64>()];
    (ms, any::<u64>()).prop_map(|(ms, seq)| StreamId { ms, seq })
}

/// A text as `json.dumps` writes it (`Lib/json/encoder.py`: `ESCAPE_ASCII` and `ESCAPE_DCT`).
fn as_python_writes_it(text: &str) -> String {
    let escaped = |character: char| match character {
        '\\' => "\\\\".to_owned(),
        '"' => "\\\"".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        ' '..='~' => character.to_string(),
        _ => {
            let units = character.encode_utf16(&mut [0; 2]).to_vec();
            units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
        }
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

fn python_member(StreamEntry { id, reading, ingested_at }: &StreamEntry) -> String {
    let [site, device] = [reading.site_id.as_str(), reading.device_id.as_str()];
    let [site, device, timestamp, ingested_at] =
        [site, device, reading.timestamp.as_str(), ingested_at].map(as_python_writes_it);
    let power = reading.power;
    format!(
        "{{\"stream_id\": \"{id}\", \"site_id\": {site}, \"device_id\": {device}, \
         \"power_reading\": {power}, \"timestamp\": {timestamp}, \"ingested_at\": {ingested_at}}}"
    )
}

/// Years with and without a sign, before and after the epoch.
fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    let seconds = prop_oneof![0..4_102_444_800_i64, -99_999_999_999..999_999_999_999_i64];
    (seconds, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
}

proptest! {
    #[test]
    fn an_ingestion_time_has_the_format_of_the_original(time in any_time()) {
        let expected = time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        prop_assert_eq!(ingestion_time(time), expected);
    }

    #[test]
    fn a_reading_comes_back_from_its_stream_fields(entry in any_entry()) {
        let fields = stream_fields(&entry.reading, &entry.ingested_at);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        prop_assert_eq!(decode(entry.id, &fields), Ok(entry));
    }

    #[test]
    fn an_entry_of_any_fields_is_a_reading_or_names_the_field_that_is_not(
        id in any_id(), fields in any_fields(),
    ) {
        let last: HashMap<_, _> = fields.iter().cloned().collect();
        let value = |name: &str| last.get(name.as_bytes()).map(Vec::as_slice);
        match decode(id, &fields) {
            Ok(entry) => {
                prop_assert_eq!(Some(entry.reading.site_id.as_str().as_bytes()), value("site_id"));
                prop_assert_eq!(Some(entry.reading.device_id.as_str().as_bytes()), value("device_id"));
                prop_assert_eq!(Some(entry.reading.timestamp.as_str().as_bytes()), value("timestamp"));
                prop_assert_eq!(entry.id, id);
            }
            Err(undecodable) => {
                let reason = undecodable.reason.to_string();
                let field = NAMES.iter().find(|name| reason.starts_with(&format!("field {name}")));
                prop_assert!(field.is_some(), "{}", reason);
                let is_missing = matches!(undecodable.reason, DecodeError::Missing(_));
                prop_assert_eq!(is_missing, value(field.unwrap()).is_none(), "{}", reason);
                prop_assert_eq!((undecodable.id, undecodable.fields), (id, fields));
            }
        }
    }

    #[test]
    fn the_member_of_any_entry_is_what_python_writes_and_decodes_to_what_was_encoded(
        id in any_id(), fields in any_fields(), simple in any_entry(),
    ) {
        for entry in decode(id, &fields).into_iter().chain([simple]) {
            let member = member(&entry);
            prop_assert_eq!(str::from_utf8(&member), Ok(&*python_member(&entry)));
            let stored = StoredReading::from_member(&member).unwrap();
            prop_assert_eq!(&stored.site_id, entry.reading.site_id.as_str());
            prop_assert_eq!(&stored.device_id, entry.reading.device_id.as_str());
            prop_assert_eq!(stored.power_reading.to_bits(), entry.reading.power.watts().to_bits());
            prop_assert_eq!(&stored.ingested_at, &entry.ingested_at);
            prop_assert_eq!(stored.order(), (Some(entry.reading.timestamp.instant()), Some(entry.id)));
        }
    }

    #[test]
    fn a_member_of_any_bytes_is_invalid_or_an_object_with_the_six_members(
        entry in any_entry(),
        place in any::<prop::sample::Index>(),
        instead in prop_oneof![Just(Vec::new()), vec(any::<u8>(), 1..4), Just(b"[".to_vec())],
        of in 0..40_usize,
        bytes in any::<Vec<u8>>(),
    ) {
        let mut changed = member(&entry);
        let from = place.index(changed.len());
        let to = changed.len().min(from + of);
        changed.splice(from..to, instead);
        let array = format!(r#"["1-0","s","d",{},"2024-01-15T10:30:00Z",""]"#, entry.reading.power);
        let more = [br#"{"more": ""#, bytes.as_slice(), br#"", "#, &member(&entry)[1..]].concat();
        for member in [changed, more, bytes, array.into_bytes()] {
            let Ok(stored) = StoredReading::from_member(&member) else { continue };
            prop_assert!(str::from_utf8(&member).is_ok());
            let object: Value = serde_json::from_slice(&member).unwrap();
            prop_assert!(object.is_object());
            prop_assert_eq!(object["site_id"].as_str(), Some(&*stored.site_id));
            prop_assert_eq!(object["timestamp"].as_str(), Some(&*stored.timestamp));
            prop_assert_eq!(object["power_reading"].as_f64(), Some(stored.power_reading));
        }
    }
}
