//! The data that the original (Python) and this system leave each other in Redis are equal byte for
//! byte.

use std::process::Command;

use serde_json::Value;

use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::readings::{NOON, add, fields, reading};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::{self, Member, wait_until_settled};
use crate::common::{files, http};

const GOLDEN: &str = "tests/data/python_members.ndjson";

/// A stream entry of the original, and the member that its consumer stores.
struct Original {
    id: String,
    site: String,
    fields: Vec<(String, String)>,
    stored: Member,
}

fn originals() -> Vec<Original> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let original = |line: &Value| Original {
        id: text(&line["id"]),
        site: text(&line["fields"]["site_id"]),
        fields: line["fields"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, v)| (name.clone(), text(v)))
            .collect(),
        stored: Member {
            text: text(&line["member"]),
            score: text(&line["score"]).parse().unwrap(),
        },
    };
    files::ndjson(GOLDEN).iter().map(original).collect()
}

async fn readings_of(server: &Role, site: &str) -> Vec<Value> {
    let answer = server.get(&format!("/sites/{}/readings", http::segment(site))).await.json();
    answer["readings"].as_array().unwrap().clone()
}

#[tokio::test]
async fn entries_of_the_original_are_stored_as_the_original_stores_them() {
    let redis = RedisServer::start().await;
    let _processing = processing_service(&redis).start().await;
    for original in originals() {
        add(&redis, &original.id, &original.fields).await;
    }
    wait_until_settled(&redis).await;
    for original in originals() {
        let members = stored::members(&redis, &original.site).await;
        assert!(members.contains(&original.stored), "{:?} is not in {members:?}", original.stored);
    }
    assert_eq!(stored::count(&redis).await, originals().len());
}

#[test]
fn the_golden_members_are_what_python_writes() {
    let script = files::path("tests/data/python_members.py");
    match Command::new("python3").arg(script).output() {
        Ok(python) => assert_eq!(String::from_utf8_lossy(&python.stdout), files::text(GOLDEN)),
        Err(error) => println!("not compared, there is no python3: {error}"),
    }
}

#[tokio::test]
async fn an_entry_has_the_originals_fields_in_the_originals_order() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let mut body = reading("東京-1");
    body["power_reading"] = "1e-5".into();
    ingestion.post("/readings", body.to_string()).await;
    let entry = &redis.entries(STREAM).await[0];
    let ingested_at = &entry.fields[4].1;
    let mut expected = fields("東京-1", "1e-05", NOON);
    expected[4].1.clone_from(ingested_at);
    assert_eq!(entry.fields, expected);
    let form = ingested_at.replace(|digit: char| digit.is_ascii_digit(), "0");
    assert_eq!(form, "0000-00-00T00:00:00.000000");
}

#[tokio::test]
async fn further_fields_of_an_entry_are_ignored() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).start().await;
    let mut entry = fields("site", "1.0", NOON);
    entry.insert(0, ("traceparent".to_owned(), "00-0af7651916cd43dd-b7ad6b71-01".to_owned()));
    entry.push(("tracestate".to_owned(), String::new()));
    let id = add(&redis, "*", &entry).await;
    wait_until_settled(&redis).await;
    assert_eq!(readings_of(&processing, "site").await[0]["stream_id"], id);
}

#[tokio::test]
async fn an_entry_by_hand_without_ingested_at_is_stored() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).start().await;
    add(&redis, "1705314600123-0", &fields("site", "1500", NOON)[..4]).await;
    wait_until_settled(&redis).await;
    let reading = &readings_of(&processing, "site").await[0];
    assert_eq!(reading["ingested_at"], "2024-01-15T10:30:00.123000");
    assert_eq!(reading["power_reading"], 1500.0);
}

#[tokio::test]
async fn members_of_the_original_are_served() {
    let redis = RedisServer::start().await;
    for Original { site, stored, .. } in originals() {
        let member = [(stored.score, stored.text)];
        stored::insert_members(&redis, &site, member.into_iter()).await;
    }
    let infinite = originals()[0].stored.text.replace("1500.5", "Infinity");
    stored::insert_members(&redis, "house-01", [(0.0, infinite)].into_iter()).await;
    let processing = processing_service(&redis).start().await;
    for Original { site, stored, .. } in originals() {
        let expected: Value = serde_json::from_str(&stored.text).unwrap();
        let readings = readings_of(&processing, &site).await;
        assert!(readings.contains(&expected), "{expected} is not in {readings:?}");
    }
    assert_eq!(readings_of(&processing, "house-01").await.len(), 9, "all but the infinite one");
}

#[tokio::test]
async fn an_entry_that_the_original_stored_and_did_not_acknowledge_leaves_one_member() {
    let redis = RedisServer::start().await;
    for original in originals() {
        add(&redis, &original.id, &original.fields).await;
        let member = [(original.stored.score, original.stored.text)];
        stored::insert_members(&redis, &original.site, member.into_iter()).await;
    }
    let before = stored::count(&redis).await;
    redis.deliver_to("a-dead-pod-of-the-original", before).await;
    let _processing = processing_service(&redis).env("CLAIM_MIN_IDLE_MS", 200).start().await;
    wait_until_settled(&redis).await;
    assert_eq!(stored::count(&redis).await, before);
}
