//! Entries that are not readings: each is one dead letter with its reason, and blocks no other
//! entry.

use redis::{Cmd, cmd};

use super::support::helpers::{dead_letter_reasons, wait_until_stored};
use super::support::system::consumer;
use crate::common::readings::{NOON, add_backlog, fields};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::{self, wait_until_settled};

const MEGABYTE: usize = 1024 * 1024;

fn reading(changes: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut fields = fields("site", "1.0", NOON);
    for &(name, value) in changes {
        let field = fields.iter_mut().find(|(n, _)| n == name).unwrap();
        value.clone_into(&mut field.1);
    }
    fields.into_iter().map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect()
}

fn with(
    mut fields: Vec<(Vec<u8>, Vec<u8>)>,
    name: &str,
    value: impl Into<Vec<u8>>,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields.push((name.as_bytes().to_vec(), value.into()));
    fields
}

fn without(name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    reading(&[]).into_iter().filter(|(n, _)| n != name.as_bytes()).collect()
}

/// Names and values of a stream entry.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Entries that are not readings, each with a word of the reason that its dead letter gives.
fn poison() -> Vec<(Fields, &'static str)> {
    let power = |text| reading(&[("power_reading", text)]);
    let timestamp = |text| reading(&[("timestamp", text)]);
    let wide = (0..5_000).fold(without("site_id"), |fields, n| with(fields, &format!("f{n}"), ""));
    let mut binary = without("device_id");
    binary.push((b"device_id".to_vec(), b"\xff\xfe".to_vec()));
    vec![
        (vec![(b"data".to_vec(), br#"{"site_id": "site", "power"#.to_vec())], "site_id"),
        (without("site_id"), "site_id"),
        (power("NaN"), "power_reading"),
        (power("inf"), "power_reading"),
        (power("-Infinity"), "power_reading"),
        (power("1e400"), "power_reading"),
        (power("0x10"), "power_reading"),
        (power(""), "power_reading"),
        (timestamp(""), "timestamp"),
        (timestamp("tomorrow"), "timestamp"),
        (timestamp("10000-01-01T00:00:00Z"), "timestamp"),
        (reading(&[("site_id", "")]), "site_id"),
        (reading(&[("device_id", "")]), "device_id"),
        (with(without("power_reading"), "power_reading", vec![b'9'; 10 * MEGABYTE]), "power"),
        (with(vec![(Vec::new(), Vec::new())], "", ""), "site_id"),
        (wide, "site_id"),
        (binary, "UTF-8"),
        (with(reading(&[]), "power_reading", "poison"), "power_reading"),
    ]
}

/// Unusual but valid readings.
fn odd_readings() -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
    let wide = (0..5_000).fold(reading(&[]), |fields, n| with(fields, &format!("f{n}"), ""));
    vec![
        reading(&[("timestamp", "2024-01-15T10:30:00")]),
        reading(&[("timestamp", "9999-12-31T23:59:59Z")]),
        reading(&[("timestamp", "0001-01-01T00:00:00Z")]),
        with(reading(&[("power_reading", "poison")]), "power_reading", "2.0"),
        with(reading(&[]), "comment", vec![b'x'; 10 * MEGABYTE]),
        with(reading(&[]), "trace", b"\xff\xfe".as_slice()),
        reading(&[("device_id", "\u{0}\u{7f}\u{2028}\u{1f600}")]),
        reading(&[("power_reading", "1.7976931348623157e308")]),
        without("ingested_at"),
        wide,
    ]
}

fn addition(fields: &[(Vec<u8>, Vec<u8>)]) -> Cmd {
    let mut add = cmd("XADD");
    add.arg(STREAM).arg("*").arg(fields);
    add
}

#[tokio::test]
async fn each_kind_of_poison_is_dead_lettered_once_with_its_reason_and_the_others_are_stored() {
    let redis = RedisServer::start().await;
    let mut connection = redis.connect().await;
    let (mut expected, mut good) = (Vec::new(), add_backlog(&redis, 5, 1).await);
    for (fields, reason) in poison() {
        let id: String = addition(&fields).query_async(&mut connection).await.unwrap();
        expected.push((id, reason));
        good.extend(add_backlog(&redis, 2, 3).await);
    }
    for fields in odd_readings() {
        good.push(addition(&fields).query_async::<String>(&mut connection).await.unwrap());
    }
    let service = consumer(&redis, 1).start().await;
    wait_until_settled(&redis).await;
    let dead_letter_reasons = dead_letter_reasons(&redis).await;
    for (id, reason) in &expected {
        let told = dead_letter_reasons
            .get(id)
            .unwrap_or_else(|| panic!("{id} ({reason}) is not dead-lettered"));
        assert!(told.contains(reason), "{reason} is not in {told}");
    }
    assert_eq!(dead_letter_reasons.len(), expected.len(), "{dead_letter_reasons:?}");
    assert_eq!(stored::count(&redis).await, good.len());
    assert_eq!(
        service.counter("energy_pipeline_entries_dead_lettered_total").await,
        expected.len() as u64
    );
    assert_eq!(service.counter("energy_pipeline_actor_restarts_total").await, 0);
    let readings = service.get("/sites/site/readings").await.json();
    assert_eq!(readings["readings"].as_array().unwrap().len(), odd_readings().len());
}

#[tokio::test]
async fn five_thousand_poison_entries_are_dead_lettered_and_later_ones_are_stored() {
    let redis = RedisServer::start().await;
    let mut connection = redis.connect().await;
    for _ in 0..5 {
        let mut pipe = redis::pipe();
        for _ in 0..1_000 {
            pipe.add_command(addition(&reading(&[("power_reading", "poison")]))).ignore();
        }
        pipe.query_async::<()>(&mut connection).await.unwrap();
    }
    let good = add_backlog(&redis, 500, 7).await;
    let (_first, _second) = (consumer(&redis, 1).start().await, consumer(&redis, 2).start().await);
    wait_until_stored(&redis, good.len()).await;
    wait_until_settled(&redis).await;
    assert_eq!(dead_letter_reasons(&redis).await.len(), 5_000);
    assert_eq!(stored::count(&redis).await, good.len());
}
