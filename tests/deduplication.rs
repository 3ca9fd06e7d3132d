//! `DEDUP_POLICY`: of several readings of a site with one device and instant, the first or the last that was accepted is
//! kept.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::files;
use crate::common::product::{Launch, Role, processing_service};
use crate::common::readings::{add, add_readings, fields, of_file};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, insert_members, wait_until_settled};

/// 1 January 9998, in days since 1970.
const DAY_OF_9998: &str = "2932167";

const SITES: [&str; 3] = ["house-01", "house-05", "house-10"];

fn service(redis: &RedisServer, policy: &str) -> Launch {
    processing_service(redis).env("DEDUP_POLICY", policy)
}

/// The stored powers of a site by timestamp, in the order of stream ids.
async fn powers(redis: &RedisServer, site: &str) -> BTreeMap<String, Vec<f64>> {
    let mut powers: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for member in stored::members(redis, site).await {
        let member: Value = serde_json::from_str(&member.text).unwrap();
        let timestamp = member["timestamp"].as_str().unwrap().to_owned();
        powers.entry(timestamp).or_default().push(member["power_reading"].as_f64().unwrap());
    }
    powers
}

/// The readings of November 2016 of three houses, as an unreliable sender delivers them: repeated, corrected, late.
fn messy_houses() -> Vec<Value> {
    of_file("data/houses_messy.ndjson.gz")
}

/// What was sent for each timestamp of a site, in the order of sending.
fn sent(site: &str) -> BTreeMap<String, Vec<f64>> {
    let mut sent: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for reading in messy_houses().iter().filter(|reading| reading["site_id"] == site) {
        let timestamp = reading["timestamp"].as_str().unwrap().to_owned();
        sent.entry(timestamp).or_default().push(reading["power_reading"].as_f64().unwrap());
    }
    sent
}

fn expected() -> Value {
    files::json("data/houses_messy.expected.json")
}

/// A service with this policy that has stored the messy readings.
async fn messy(policy: &str) -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let role = service(&redis, policy).start().await;
    let ids = add_readings(&redis, messy_houses()).await;
    assert_eq!(ids.len(), 2_419);
    wait_until_settled(&redis).await;
    (redis, role)
}

async fn deduplicated(role: &Role) -> u64 {
    role.counter("energy_pipeline_readings_deduplicated_total").await
}

#[tokio::test]
async fn without_a_policy_every_accepted_reading_is_stored() {
    let (redis, role) = messy("none").await;
    let expected = &expected()["if_every_post_is_stored_like_the_seed"]["sites"];
    for site in SITES {
        let stored = stored::members(&redis, site).await.len();
        assert_eq!(expected[site], stored, "{site}");
    }
    assert_eq!(deduplicated(&role).await, 0);
}

#[tokio::test]
async fn the_last_reading_of_a_device_and_an_instant_is_kept() {
    let (redis, role) = messy("last").await;
    for site in SITES {
        let stored = powers(&redis, site).await;
        assert_eq!(expected()["sites"][site]["count"], stored.len(), "{site}");
        let last =
            sent(site).into_iter().map(|(at, powers)| (at, powers[powers.len() - 1..].to_vec()));
        assert_eq!(stored, last.collect(), "{site}");
    }
    assert_eq!(deduplicated(&role).await, 2_419 - 2_160);
}

#[tokio::test]
async fn the_first_reading_of_a_device_and_an_instant_is_kept() {
    let (redis, role) = messy("first").await;
    for site in SITES {
        let first = sent(site).into_iter().map(|(at, powers)| (at, powers[..1].to_vec()));
        assert_eq!(powers(&redis, site).await, first.collect(), "{site}");
    }
    assert_eq!(deduplicated(&role).await, 2_419 - 2_160);
}

#[tokio::test]
async fn the_energy_of_last_is_as_expected_and_the_same_as_without_a_policy() {
    for policy in ["none", "last"] {
        let (_redis, role) = messy(policy).await;
        for series in expected()["series"].as_array().unwrap() {
            let site = series["site_id"].as_str().unwrap();
            let path = format!("/sites/{site}/energy?start=2016-11-01&end=2016-12-01");
            let energy = role.get(&path).await.json();
            let kwh = energy["devices"][0]["import_kwh"].as_f64().unwrap();
            let expected = series["kwh_step_hold"].as_f64().unwrap();
            assert!((kwh / expected - 1.0).abs() < 1e-6, "{policy} {site}: {kwh} {expected}");
        }
    }
}

/// Adds a reading; its power says which one it is.
async fn send(redis: &RedisServer, id: &str, power: &str, device: &str, timestamp: &str) {
    let mut entry = fields("s", power, timestamp);
    device.clone_into(&mut entry[1].1);
    add(redis, id, &entry).await;
}

/// The stored powers of the site `s`, sorted.
async fn stored(redis: &RedisServer) -> Vec<f64> {
    wait_until_settled(redis).await;
    let mut powers: Vec<f64> = powers(redis, "s").await.into_values().flatten().collect();
    powers.sort_by(f64::total_cmp);
    powers
}

#[tokio::test]
async fn an_instant_is_the_same_in_every_spelling_and_a_device_is_its_text() {
    let redis = RedisServer::start().await;
    let spellings = [
        "2024-01-15T12:00:00Z",
        "2024-01-15T12:00:00",
        "2024-01-15 13:00:00+01:00",
        "2024-01-15T12:00:00.000000999Z",
        "20240115T173000,0+05:30",
    ];
    let devices =
        ["a", "A", "a ", "é", "e\u{301}", "🏠", "\"device_id\": \"a\", \"", "\\", "\u{7f}"];
    for (n, device) in devices.iter().enumerate() {
        for (m, timestamp) in spellings.iter().enumerate() {
            send(&redis, "*", &format!("{n}{m}.0"), device, timestamp).await;
        }
        send(&redis, "*", &format!("9{n}.0"), device, "2024-01-15T12:00:00.000001Z").await;
    }
    let _service = service(&redis, "last").start().await;
    let last = (0..9).map(|n| f64::from(n * 10 + 4)).chain((0..9).map(|n| f64::from(90 + n)));
    let mut last: Vec<f64> = last.collect();
    last.sort_by(f64::total_cmp);
    assert_eq!(stored(&redis).await, last);
}

#[tokio::test]
async fn instants_are_compared_exactly_where_scores_are_rounded() {
    for (policy, kept) in [("first", [1.0, 2.0, 4.0]), ("last", [2.0, 3.0, 5.0])] {
        let redis = RedisServer::start().await;
        for (power, timestamp) in [
            ("1.0", "9998-01-01T00:00:00.000001Z"),
            ("2.0", "9998-01-01T00:00:00.000002Z"),
            ("3.0", "9998-01-01T01:00:00.000001+01:00"),
            ("4.0", "0001-01-01T00:00:00.000001Z"),
            ("5.0", "0001-01-01T00:00:00,000001"),
        ] {
            send(&redis, "*", power, "a", timestamp).await;
        }
        let rollups = "site:s:rollups";
        redis.run::<()>(&["HSET", rollups, DAY_OF_9998, "x"]).await;
        let role = service(&redis, policy).start().await;
        assert_eq!(stored(&redis).await, kept, "{policy}");
        assert_eq!(deduplicated(&role).await, 2, "{policy}");
        let is_valid: bool = redis.run(&["HEXISTS", rollups, DAY_OF_9998]).await;
        assert_eq!(is_valid, policy == "first", "{policy}");
    }
}

#[tokio::test]
async fn a_policy_applies_to_readings_that_are_stored_already_when_another_one_arrives() {
    let redis = RedisServer::start().await;
    for power in ["1.0", "2.0", "3.0"] {
        send(&redis, "*", power, "a", "2024-01-15T12:00:00Z").await;
        send(&redis, "*", &format!("1{power}"), "b", "2024-01-15T12:00:00Z").await;
    }
    let all = service(&redis, "none").start().await;
    assert_eq!(stored(&redis).await.len(), 6);
    drop(all);
    // As the original writes them, and other programs, and what is no reading.
    let members = [
        r#"{"stream_id":"5-0","site_id":"s","device_id":"a","power_reading":5,"timestamp":"2024-01-15T12:00:00Z","ingested_at":""}"#,
        r#"{"stream_id": "6-0", "site_id": "s", "device_id": "a", "power_reading": Infinity, "timestamp": "2024-01-15T12:00:00Z", "ingested_at": ""}"#,
        "no reading",
    ];
    let score = 1_705_320_000.0;
    insert_members(&redis, "s", members.map(|member| (score, member.to_owned())).into_iter()).await;
    let role = service(&redis, "last").start().await;
    send(&redis, "*", "4.0", "a", "2024-01-15T12:00:00Z").await;
    wait_until_settled(&redis).await;
    let left: Vec<String> = redis.run(&["ZRANGE", "site:s:readings", "0", "-1"]).await;
    let has = |text: &str| left.iter().filter(|member| member.contains(text)).count();
    assert_eq!((left.len(), has("\"a\""), has("\"b\"")), (6, 2, 3), "{left:?}");
    assert_eq!((has("Infinity"), has("no reading"), has(" 4.0")), (1, 1, 1), "{left:?}");
    assert_eq!(deduplicated(&role).await, 4);
}

#[tokio::test]
async fn a_replacement_invalidates_the_rollup_of_its_day_and_a_dropped_reading_none() {
    let redis = RedisServer::start().await;
    let _service = service(&redis, "last").start().await;
    send(&redis, "*", "1.0", "a", "2024-01-15T12:00:00Z").await;
    wait_until_settled(&redis).await;
    let rollups = "site:s:rollups";
    redis.run::<()>(&["HSET", rollups, "19737", "x", "19738", "y"]).await;
    send(&redis, "*", "2.0", "a", "2024-01-15T12:00:00Z").await;
    wait_until_settled(&redis).await;
    assert_eq!(redis.run::<Vec<String>>(&["HKEYS", rollups]).await, ["19738", "generation"]);
    send(&redis, "*", "3.0", "a", "2024-01-16T12:00:00Z").await;
    assert_eq!(stored(&redis).await, [2.0, 3.0]);
    assert_eq!(
        redis.run::<Vec<String>>(&["HGETALL", rollups]).await,
        ["19738", "y", "generation", "1"]
    );
}
