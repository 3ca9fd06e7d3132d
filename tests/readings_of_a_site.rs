//! `GET /sites/{site_id}/readings`: all readings of a site, for any id and any number.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::http::{Http, segment};
use crate::common::product::{ingestion_api, processing_service, query_api};
use crate::common::readings::{NOON, reading};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, wait_until_settled};
use crate::common::wait;

/// This number of readings of one site has more than 40 MB.
const HUGE: usize = 250_000;

/// Far below the size of a huge site, and far above that of a few pages.
const MEMORY_KB: u64 = 40 * 1024;

async fn readings_of(server: &Http, site: &str) -> Vec<Value> {
    let reply = server.get(&format!("/sites/{}/readings", segment(site))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = reply.json();
    assert_eq!(body["site_id"], site);
    body["readings"].as_array().unwrap().clone()
}

fn stream_ids(readings: &[Value]) -> Vec<&str> {
    readings.iter().map(|reading| reading["stream_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_reading_that_was_accepted_is_read_back() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    let body = reading("house-01");
    let accepted = ingestion.post("/readings", body.to_string()).await.json();
    wait_until_settled(&redis).await;
    let readings = readings_of(&processing, "house-01").await;
    let ingested_at = readings[0]["ingested_at"].as_str().unwrap();
    let expected = json!({
        "stream_id": accepted["stream_id"],
        "site_id": "house-01",
        "device_id": "meter",
        "power_reading": 1500.5,
        "timestamp": NOON,
        "ingested_at": ingested_at,
    });
    assert_eq!(readings, [expected]);
    assert_eq!(ingested_at.len(), "2024-01-15T10:30:00.123456".len(), "{ingested_at}");
}

#[tokio::test]
async fn an_unknown_site_has_no_readings() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    assert_eq!(
        query.get("/sites/unknown/readings").await.text(),
        r#"{"site_id":"unknown","readings":[]}"#
    );
}

#[tokio::test]
async fn unknown_query_parameters_are_ignored() {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "s", 0..3).await;
    let query = query_api(&redis).start().await;
    let plain = query.get("/sites/s/readings").await;
    let with = query.get("/sites/s/readings?utm_source=x&site_id=t&%C3%A9=%FF").await;
    assert_eq!((with.status, with.body), (200, plain.body));
}

#[tokio::test]
async fn a_site_id_is_any_text_and_decoded_once() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    let ids = [
        "a/b",
        "a%2Fb",
        "%252F",
        "/",
        "a b",
        " ",
        "+",
        "é",
        "e\u{301}",
        "東京-1",
        "🏠",
        "*",
        "site:edge:readings",
        "a?b#c",
        "\\",
        "\"",
        "A",
        "a",
    ];
    for id in ids {
        assert_eq!(ingestion.post("/readings", reading(id).to_string()).await.status, 201, "{id}");
    }
    wait_until_settled(&redis).await;
    for id in ids {
        let readings = readings_of(&processing, id).await;
        assert_eq!(readings.len(), 1, "readings of {id:?}");
        assert_eq!(readings[0]["site_id"], id);
    }
}

#[tokio::test]
async fn a_path_that_is_not_utf_8_is_a_client_error() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    for path in ["/sites/%FF/readings", "/sites//readings"] {
        let reply = query.get(path).await;
        assert!((400..500).contains(&reply.status), "{path}: {reply:?}");
        assert!(!reply.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn invalid_members_are_skipped_and_counted() {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "s", 0..2).await;
    let good = stored::member("s", 0);
    for bad in [
        "junk",
        "{}",
        "[]",
        "\u{fffd}",
        &good.replace("1500.5", "Infinity"),
        &good.replace("1500.5", "NaN"),
        &good.replace("1500.5", "\"1500.5\""),
        &good[..good.len() - 1],
    ] {
        redis.run::<()>(&["ZADD", "site:s:readings", "0", bad]).await;
    }
    let query = query_api(&redis).start().await;
    let readings = readings_of(&query, "s").await;
    assert_eq!(stream_ids(&readings), ["1-0", "2-0"]);
    assert_eq!(query.counter("energy_pipeline_stored_members_invalid_total").await, 8);
}

#[tokio::test]
async fn thousands_of_readings_of_one_instant_are_in_the_order_of_their_ids() {
    let redis = RedisServer::start().await;
    let count = 25_000_u64;
    let id = |n| format!("{}-{}", 1_700_000_000_000_u64 + n / 20, n % 20);
    let member = |n| stored::member("s", 0).replace("\"1-0\"", &format!("\"{}\"", id(n)));
    stored::insert_members(&redis, "s", (0..count).map(|n| (5.0, member(n)))).await;
    let query = query_api(&redis).start().await;
    let readings = readings_of(&query, "s").await;
    assert!(stream_ids(&readings).into_iter().eq((0..count).map(id)), "not in order");
}

#[tokio::test]
async fn a_huge_site_is_returned_completely_in_order_and_with_little_memory() {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "huge", 0..HUGE).await;
    let query = query_api(&redis).start().await;
    query.get("/sites/none/readings").await;
    let before = query.memory_kb("VmHWM");
    let reply = query.get("/sites/huge/readings").await;
    let grown = query.memory_kb("VmHWM") - before;
    assert_eq!(reply.header("transfer-encoding"), "chunked");
    assert!(reply.body.len() > 40_000_000, "only {} bytes", reply.body.len());
    assert!(grown < MEMORY_KB, "memory has grown by {grown} kB");
    let body = reply.json();
    let readings = body["readings"].as_array().unwrap();
    let ids = (0..HUGE).map(|n| format!("{}-0", n + 1));
    assert!(stream_ids(readings).into_iter().eq(ids), "not complete, or not in order");
}

#[tokio::test]
async fn a_client_that_reads_slowly_uses_little_memory_and_delays_no_other() {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "huge", 0..HUGE).await;
    let query = query_api(&redis).start().await;
    query.get("/sites/none/readings").await;
    let before = query.memory_kb("VmHWM");
    let request = query.request(Method::GET, "/sites/huge/readings");
    let mut slow = request.send().await.unwrap();
    assert!(slow.chunk().await.unwrap().is_some());
    // While these are served, the server could go on reading for the slow client.
    for _ in 0..200 {
        let asked = Instant::now();
        assert_eq!(query.get("/health").await.json()["redis_connected"], true);
        assert_eq!(readings_of(&query, "none").await, [] as [Value; 0]);
        assert!(asked.elapsed() < wait::AT_ONCE, "{:?}", asked.elapsed());
    }
    let grown = query.memory_kb("VmHWM") - before;
    assert!(grown < MEMORY_KB, "memory has grown by {grown} kB");
}

#[tokio::test]
async fn a_response_aborted_by_redis_is_not_mistaken_for_complete() {
    let mut redis = RedisServer::start().await;
    stored::insert(&redis, "huge", 0..HUGE).await;
    let query = query_api(&redis).start().await;
    let request = query.request(Method::GET, "/sites/huge/readings");
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.chunk().await.unwrap().is_some(), "the answer has begun");
    redis.kill9();
    let mut bytes = 0;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes += chunk.len(),
            Ok(None) => panic!("{bytes} bytes look like a complete answer"),
            Err(_) => break,
        }
    }
    assert!(bytes < 40_000_000);
}
