//! The order of a site's readings: by instant, and readings of one instant by stream id, as
//! numbers.

use serde_json::Value;

use crate::common::files;
use crate::common::http::Http;
use crate::common::product::{ingestion_api, processing_service};
use crate::common::readings::{add, fields, reading};
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;

/// The number of consecutive timestamps of the contract's list that mean the same instant.
const EQUAL_INSTANTS: [usize; 16] = [1, 1, 3, 1, 1, 3, 1, 7, 1, 2, 1, 1, 1, 1, 1, 1];

fn contract_order() -> Vec<String> {
    let file = files::json("tests/data/timestamp_order.json");
    let timestamps = file["timestamps"].as_array().unwrap().iter();
    timestamps.map(|timestamp| timestamp.as_str().unwrap().to_owned()).collect()
}

async fn listed(server: &Http, site: &str, member: &str) -> Vec<String> {
    let answer = server.get(&format!("/sites/{site}/readings")).await.json();
    let readings = answer["readings"].as_array().unwrap().iter();
    readings.map(|reading| reading[member].as_str().unwrap().to_owned()).collect()
}

async fn post_all(ingestion: &Http, timestamps: impl Iterator<Item = &String>) {
    for timestamp in timestamps {
        let mut body = reading("edge-ts");
        body["timestamp"] = timestamp.as_str().into();
        let reply = ingestion.post("/readings", body.to_string()).await;
        assert_eq!(reply.status, 201, "{timestamp}: {reply:?}");
    }
}

#[tokio::test]
async fn readings_are_ordered_by_instant_whatever_the_order_of_arrival() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    let expected = contract_order();
    // The last instant first; readings of one instant in the order of their stream ids.
    let mut rest = expected.as_slice();
    let mut groups = Vec::new();
    for size in EQUAL_INSTANTS {
        let (group, after) = rest.split_at(size);
        groups.push(group);
        rest = after;
    }
    assert!(rest.is_empty(), "{rest:?} must be in EQUAL_INSTANTS");
    post_all(&ingestion, groups.iter().rev().copied().flatten()).await;
    wait_until_settled(&redis).await;
    assert_eq!(listed(&processing, "edge-ts", "timestamp").await, expected);
}

#[tokio::test]
async fn the_contracts_accepted_timestamps_have_the_contracts_order() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    let mut posted = Vec::new();
    for case in files::ndjson("tests/data/post_cases.ndjson") {
        let reply = ingestion.post("/readings", case["raw"].as_str().unwrap()).await;
        let body = serde_json::from_str::<Value>(case["raw"].as_str().unwrap()).unwrap_or_default();
        if reply.status == 201 && body["site_id"] == "edge-ts" {
            posted.push(body["timestamp"].as_str().unwrap().to_owned());
        }
    }
    wait_until_settled(&redis).await;
    let mut expected = contract_order();
    expected.retain(|timestamp| posted.contains(timestamp));
    assert_eq!(expected.len(), posted.len());
    assert_eq!(listed(&processing, "edge-ts", "timestamp").await, expected);
}

#[tokio::test]
async fn readings_of_one_instant_are_ordered_by_stream_id_as_numbers() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).start().await;
    let ids = ["9-2", "9-9", "9-10", "10-1", "100-0"];
    // In different notations, so that the order of the members' bytes is yet another.
    let spellings = ["2024-01-15T12:00:00Z", "2024-01-15T14:00:00+02:00", "20240115T120000Z"];
    for (id, timestamp) in ids.iter().zip(spellings.iter().cycle()) {
        add(&redis, id, &fields("site", "1.0", timestamp)).await;
    }
    wait_until_settled(&redis).await;
    assert_eq!(listed(&processing, "site", "stream_id").await, ids);
}
