//! Entries of tens of MB from other writers: a service that only inspects the stream does not
//! receive them.

use super::support::system::consumer;
use crate::common::product::{ingestion_api, query_api};
use crate::common::readings::{add, fields, reading};
use crate::common::redis::{DEAD_LETTERS, GROUP, RedisServer, STREAM};
use crate::common::stored::wait_until_settled;
use crate::common::wait;

const LARGE: usize = 40_000_000;

/// Bound on the memory of a service that does not receive the entries, in kB.
const SMALL_KB: u64 = 64 * 1024;

/// The size at which a shown entry is truncated, with room for its envelope.
const SHOWN_BYTES: usize = 5_000;

async fn add_large(redis: &RedisServer) -> String {
    let mut entry = fields("site", "1.0", "2024-01-15T12:00:00Z");
    entry[1].1 = "x".repeat(LARGE);
    add(redis, "*", &entry).await
}

/// A large processed entry, a large last one, and unread entries between them.
async fn stream_of_large_entries() -> (RedisServer, [String; 2]) {
    let redis = RedisServer::start().await;
    let first = add_large(&redis).await;
    redis.deliver_to("gone", 1).await;
    redis.run::<u64>(&["XACK", STREAM, GROUP, &first]).await;
    for _ in 0..10 {
        add(&redis, "*", &fields("site", "1.0", "2024-01-15T12:00:00Z")).await;
    }
    let last = add_large(&redis).await;
    (redis, [first, last])
}

#[tokio::test]
async fn services_that_read_them_use_little_memory_and_show_them_truncated() {
    let (redis, [first, last]) = stream_of_large_entries().await;
    let ingestion = ingestion_api(&redis).env("MAX_BACKLOG", 12).start().await;
    let query = query_api(&redis).start().await;
    // Redis is busy with its large entries while they are read for the first time.
    let accepted =
        async || ingestion.post("/readings", reading("site").to_string()).await.status == 201;
    wait::until("it is accepted", accepted).await;
    wait::until("the backlog is full", async || !accepted().await).await;
    for role in [&ingestion, &query] {
        wait::until("the stream was looked at", async || {
            role.counter("energy_pipeline_stream_lag_entries").await >= 12
        })
        .await;
        let shown = role.get("/metrics").await;
        assert!(shown.text().len() < 3 * SHOWN_BYTES, "{} bytes", shown.text().len());
        let entry = &shown.json()["stream"]["first_entry"];
        assert_eq!(entry[0], first);
        let device = entry[1]["device_id"].as_str().unwrap();
        assert!(device.ends_with("… (40000000 bytes)"), "{}", &device[device.len() - 40..]);
        assert_eq!(entry[1]["site_id"], "site");
    }
    assert_eq!(query.get("/pipeline").await.json()["stream"]["first_id"], first);
    assert_ne!(query.get("/pipeline").await.json()["stream"]["last_id"], last);
    for role in [&ingestion, &query] {
        let most = role.memory_kb("VmHWM");
        println!("the most that a service took that looked at 40 MB is {} MB", most / 1024);
        assert!(most < SMALL_KB, "{most} kB");
    }
}

#[tokio::test]
async fn a_processing_service_between_them_does_not_receive_processed_entries() {
    let redis = RedisServer::start().await;
    let first = add_large(&redis).await;
    redis.deliver_to("gone", 1).await;
    redis.run::<u64>(&["XACK", STREAM, GROUP, &first]).await;
    add(&redis, "*", &fields("site", "1.0", "2024-01-15T12:00:00Z")).await;
    let service = consumer(&redis, 1).env("STREAM_RETENTION", "1h").start().await;
    wait_until_settled(&redis).await;
    wait::until("the stream was looked at", async || {
        service.counter("energy_pipeline_stream_entries").await == 2
    })
    .await;
    assert_eq!(service.get("/health").await.json()["consumer_group_status"]["lag"], 0);
    assert_eq!(service.get("/metrics").await.json()["stream"]["first_entry"][0], first);
    let most = service.memory_kb("VmHWM");
    println!("the most that it took is {} MB", most / 1024);
    assert!(most < SMALL_KB, "{most} kB");
}

/// Bound on the memory of a processing service that one of them is delivered to, in kB: the
/// received bytes and one copy. Redis copies the dead letter.
const DELIVERED_KB: u64 = SMALL_KB + 5 * (LARGE as u64 / 1024) / 2;

#[tokio::test]
async fn one_that_is_not_a_reading_is_dead_lettered_without_a_further_copy() {
    let redis = RedisServer::start().await;
    let service = consumer(&redis, 1).start().await;
    let mut entry = fields("site", "none", "2024-01-15T12:00:00Z");
    entry[1].1 = "x".repeat(LARGE);
    let id = add(&redis, "*", &entry).await;
    wait_until_settled(&redis).await;
    let dead = service.get("/pipeline/dead-letters").await.json();
    let most = service.memory_kb("VmHWM");
    println!("the most that it took is {} MB", most / 1024);
    assert!(most < DELIVERED_KB, "{most} kB");
    let dead_letter = &dead["dead_letters"][0];
    assert_eq!(dead_letter["original_id"], id);
    let shown: Vec<_> = dead_letter["fields"].as_array().unwrap().iter().collect();
    assert_eq!(shown[0]["value"], "site");
    assert!(shown[1]["value"].as_str().unwrap().ends_with("… (40000000 bytes)"));
    let kept: Vec<(String, Vec<(String, String)>)> =
        redis.run(&["XRANGE", DEAD_LETTERS, "-", "+"]).await;
    let kept =
        kept[0].1.iter().filter_map(|(name, value)| Some((name.strip_prefix("field:")?, value)));
    assert!(kept.eq(entry.iter().map(|(name, value)| (name.as_str(), value))), "all of it is kept");
}
