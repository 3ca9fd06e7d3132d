//! More readings wait than can be processed: memory stays bounded, and so does the backlog.

use redis::pipe;

use super::ledger::Class;
use super::world::{World, consumer};
use crate::common::product::ingestion_api;
use crate::common::readings::{NOON, add_backlog, fields, reading};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

const MAX_BACKLOG: u64 = 500;

/// The most memory that a service may take for what it holds, in kB.
const MEMORY_KB: u64 = 256 * 1024;

/// Adds entries that are 10 KB each.
async fn add_large(redis: &RedisServer, count: usize) -> Vec<String> {
    let mut connection = redis.connect().await;
    let mut ids = Vec::new();
    for chunk in (0..count).collect::<Vec<_>>().chunks(1_000) {
        let mut pipe = pipe();
        for n in chunk {
            let mut entry = fields(&format!("site-{}", n % 7), "1.0", NOON);
            entry[1].1 = format!("{n:_>10000}");
            pipe.xadd(STREAM, "*", &entry);
        }
        ids.extend(pipe.query_async::<Vec<String>>(&mut connection).await.unwrap());
    }
    ids
}

#[tokio::test]
async fn a_backlog_of_large_entries_is_worked_off_with_bounded_memory() {
    let redis = RedisServer::start().await;
    let ids = add_large(&redis, 20_000).await;
    let service = consumer(&redis, 1).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
    let most = service.memory_kb("VmHWM");
    println!("20,000 entries of 10 KB were stored with {} MB", most / 1024);
    assert!(most < MEMORY_KB, "{most} kB");
}

#[tokio::test]
async fn above_the_cap_nothing_is_accepted_until_the_backlog_is_below_it() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("MAX_BACKLOG", MAX_BACKLOG).start().await;
    let mut world = World::of(redis, ingestion, Vec::new());
    let producer = world.producer().per_second(1_000).start();
    wait::until("readings are refused", async || producer.count(Class::Refused) > 50).await;
    let backlog = world.redis.run::<u64>(&["XLEN", STREAM]).await;
    assert!(backlog < 3 * MAX_BACKLOG, "{backlog} entries were taken");
    let refused = world.ingestion.post("/readings", reading("site").to_string()).await;
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
    world.processing.push(consumer(&world.redis, 1).start().await);
    producer.wait_for_more(200).await;
    let verdict = world.checker().check(&producer.stop().await).await;
    verdict.assert_kept();
}

/// Redis 7.0 counts entries that were trimmed before they were read as waiting, for ever.
#[tokio::test]
async fn a_backlog_that_somebody_else_trimmed_away_keeps_nobody_out() {
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
