//! The backlog grows faster than it is processed: memory stays bounded, and so does the backlog.

use redis::pipe;
use serde_json::Value;

use super::support::ledger::Class;
use super::support::system::{System, consumer};
use crate::common::product::ingestion_api;
use crate::common::readings::{NOON, add_backlog, fields, reading};
use crate::common::redis::{DEAD_LETTERS, RedisServer, STREAM};
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

const MAX_BACKLOG: u64 = 500;

/// Bound on the memory of a service, in kB.
const MEMORY_KB: u64 = 256 * 1024;

/// The same for a few entries of megabytes; all of them together would take twice as much.
const LARGE_ENTRIES_KB: u64 = 180 * 1024;

const MEGABYTE: usize = 1_000_000;

/// Adds entries of this size with this power reading.
async fn add_large(redis: &RedisServer, count: usize, bytes: usize, power: &str) -> Vec<String> {
    let mut connection = redis.connect().await;
    let mut ids = Vec::new();
    for chunk in (0..count).collect::<Vec<_>>().chunks(10 * MEGABYTE / bytes) {
        let mut pipe = pipe();
        for n in chunk {
            let mut entry = fields(&format!("site-{}", n % 7), power, NOON);
            entry[1].1 = format!("{n}{}", "_".repeat(bytes));
            pipe.xadd(STREAM, "*", &entry);
        }
        ids.extend(pipe.query_async::<Vec<String>>(&mut connection).await.unwrap());
    }
    ids
}

#[tokio::test]
async fn a_backlog_of_large_entries_is_processed_with_bounded_memory() {
    let redis = RedisServer::start().await;
    let ids = add_large(&redis, 20_000, 10_000, "1.0").await;
    let service = consumer(&redis, 1).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
    let most = service.memory_kb("VmHWM");
    println!("20,000 entries of 10 KB were stored with {} MB", most / 1024);
    assert!(most < MEMORY_KB, "{most} kB");
}

#[tokio::test]
async fn entries_of_megabytes_are_read_in_batches_within_the_memory_limit() {
    let redis = RedisServer::start().await;
    let mut ids = add_large(&redis, 20, 5 * MEGABYTE, "1.0").await;
    let service = consumer(&redis, 1).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
    ids.extend(add_backlog(&redis, 5_000, 7).await);
    assert_each_is_stored_once(&redis, &ids).await;
    let most = service.memory_kb("VmHWM");
    println!("20 entries of 5 MB were stored with {} MB", most / 1024);
    assert!(most < LARGE_ENTRIES_KB, "{most} kB");
}

/// The size at which a listed dead letter is truncated, with room for its envelope.
const LISTED_BYTES: usize = 70_000;

#[tokio::test]
async fn dead_letters_of_megabytes_are_listed_truncated() {
    let redis = RedisServer::start().await;
    let mut ids = add_large(&redis, 20, 5 * MEGABYTE, "none").await;
    let service = consumer(&redis, 1).start().await;
    wait::until("they are dead-lettered", async || {
        redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await == 20
    })
    .await;
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = service.get(&format!("/pipeline/dead-letters?limit=7{cursor}")).await;
        assert!(page.text().len() < 7 * LISTED_BYTES, "{} bytes", page.text().len());
        let page = page.json();
        let dead_letters = page["dead_letters"].as_array().unwrap();
        let id = |dead_letter: &Value| dead_letter["original_id"].as_str().unwrap().to_owned();
        listed.extend(dead_letters.iter().map(id));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    ids.sort();
    listed.sort();
    assert_eq!(listed, ids);
    let most = service.memory_kb("VmHWM");
    println!("20 letters of 5 MB were dead-lettered and listed with {} MB", most / 1024);
    assert!(most < MEMORY_KB, "{most} kB");
}

#[tokio::test]
async fn above_the_limit_readings_are_unavailable_until_the_backlog_is_below_it() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("MAX_BACKLOG", MAX_BACKLOG).start().await;
    let mut system = System::of(redis, ingestion, Vec::new());
    let producer = system.producer().per_second(1_000).start();
    wait::until("readings are refused", async || producer.count(Class::Refused) > 50).await;
    let backlog = system.redis.run::<u64>(&["XLEN", STREAM]).await;
    assert!(backlog < 3 * MAX_BACKLOG, "{backlog} entries were taken");
    let refused = system.ingestion.post("/readings", reading("site").to_string()).await;
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
    system.processing.push(consumer(&system.redis, 1).start().await);
    producer.wait_for_more(200).await;
    let report = system.checker().check(&producer.stop().await).await;
    report.assert_invariants_hold();
}

/// Processed entries stay in the stream for `STREAM_RETENTION`.
#[tokio::test]
async fn processed_readings_within_the_retention_do_not_count_towards_the_limit() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("MAX_BACKLOG", MAX_BACKLOG).start().await;
    let service = consumer(&redis, 1).env("STREAM_RETENTION", "1h").start().await;
    let system = System::of(redis, ingestion, vec![service]);
    let producer = system.producer().per_second(400).start();
    wait::until("far more than the cap is in the stream", async || {
        system.redis.run::<u64>(&["XLEN", STREAM]).await > 4 * MAX_BACKLOG
    })
    .await;
    assert_eq!(producer.count(Class::Refused), 0);
    system.checker().check(&producer.stop().await).await.assert_invariants_hold();
}

/// In Redis 7.0, entries that were trimmed before delivery stay in `lag` for ever.
#[tokio::test]
async fn a_backlog_that_another_client_trimmed_does_not_block_ingestion() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("MAX_BACKLOG", MAX_BACKLOG).start().await;
    wait::until("there is a group", async || redis.group().await.lag.is_some()).await;
    let twice_the_cap = usize::try_from(2 * MAX_BACKLOG).unwrap();
    add_backlog(&redis, twice_the_cap, 7).await;
    let accepted =
        async || ingestion.post("/readings", reading("site").to_string()).await.status == 201;
    wait::until("it is full", async || !accepted().await).await;
    redis.run::<u64>(&["XTRIM", STREAM, "MAXLEN", "0"]).await;
    wait::until("readings are accepted again", accepted).await;
}
