//! Redis' own number of unread entries (`lag` of `XINFO GROUPS`) is wrong: the services report the
//! true number, and a processing service corrects `lag`.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::failover::{promote, replica_of};
use super::support::helpers::info;
use super::support::ledger::Class;
use super::support::system::{System, consumer};
use crate::common::product::{Role, ingestion_api, query_api};
use crate::common::readings::{add_backlog, reading};
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::stored::{assert_each_is_stored_once, wait_until_settled};
use crate::common::wait;

/// More than a script counts in one call.
const MANY: usize = 5_000;

/// How long readings are processed while the count is made wrong.
const UNDER_LOAD: Duration = Duration::from_secs(20);

/// Gives Redis a wrong count of the read entries (`entries-read`), without changing the last
/// delivered id.
async fn spoil(redis: &RedisServer, entries_read: u64) {
    let script = "for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
            if g[2] == KEYS[2] then
                redis.call('XGROUP', 'SETID', KEYS[1], KEYS[2], g[8], 'ENTRIESREAD', ARGV[1])
            end
        end";
    let entries_read = entries_read.to_string();
    redis.run::<()>(&["EVAL", script, "2", STREAM, GROUP, &entries_read]).await;
}

/// `lag` and the true number of unread entries, at the same moment.
async fn reported_and_true(redis: &RedisServer) -> (i64, i64) {
    let script = "local g = redis.call('XINFO', 'GROUPS', KEYS[1])[1]
        return {g[12] or -1, #redis.call('XRANGE', KEYS[1], '(' .. g[8], '+')}";
    redis.run(&["EVAL", script, "1", STREAM]).await
}

/// Asserts that nothing is pending and that `lag` is what Redis 7.0 makes of it, or right, as newer servers have it;
/// returns whether it is wrong.
async fn assert_lag_is(redis: &RedisServer, wrong: u64, right: u64) -> bool {
    let group = redis.group().await;
    assert_eq!(group.pending, 0);
    assert!([Some(wrong), Some(right)].contains(&group.lag), "{group:?}, not {wrong} or {right}");
    group.lag == Some(wrong)
}

/// Delivers and acknowledges this number of entries, or as many as there are.
async fn process(redis: &RedisServer, count: usize) {
    redis.deliver_to("gone", count).await;
    let ids: Vec<(String, redis::Value)> = redis.run(&["XRANGE", STREAM, "-", "+"]).await;
    let ids: Vec<_> = ids.into_iter().map(|(id, _)| id).collect();
    for ids in ids.chunks(1_000) {
        let words = ["XACK", STREAM, GROUP].map(str::to_owned).into_iter();
        redis.run::<u64>(&words.chain(ids.to_vec()).collect::<Vec<_>>()).await;
    }
}

/// Asserts that everything that reports the number of unread entries reports this number.
async fn assert_tells(role: &Role, unread: u64) {
    assert_eq!(role.get("/pipeline").await.json()["groups"][0]["lag"], unread);
    assert_eq!(role.get("/metrics").await.json()["consumer_groups"][0]["lag"], unread);
    let health = role.get("/health").await.json();
    assert_eq!(health["consumer_group_status"]["lag"], unread);
    wait::until("the gauge shows it", async || {
        role.counter("energy_pipeline_stream_lag_entries").await == unread
    })
    .await;
}

#[tokio::test]
async fn entries_trimmed_before_delivery_do_not_count_as_unread() {
    let redis = RedisServer::start().await;
    add_backlog(&redis, 3_000, 7).await;
    process(&redis, 500).await;
    redis.run::<u64>(&["XTRIM", STREAM, "MAXLEN", "100"]).await;
    let query = query_api(&redis).start().await;
    assert_eq!(query.get("/pipeline").await.json()["groups"][0]["lag"], 100);
    process(&redis, 60).await;
    assert_lag_is(&redis, 2_440, 40).await;
    assert_tells(&query, 40).await;
    process(&redis, 40).await;
    assert_lag_is(&redis, 2_400, 0).await;
    assert_tells(&query, 0).await;
}

/// A read is replicated and appended to the file as `XCLAIM`, which has no count; a rewritten file
/// begins with the count at the time of the rewrite.
#[tokio::test]
async fn a_restart_after_an_aof_rewrite_leaves_no_unread_entries() {
    let mut redis = RedisServer::start_durable().await;
    let mut ids = add_backlog(&redis, 100, 7).await;
    let mut service = consumer(&redis, 1).start().await;
    wait_until_settled(&redis).await;
    redis.run::<()>(&["BGREWRITEAOF"]).await;
    wait::until("the file is rewritten", async || {
        info(&redis, "aof_rewrite_in_progress").await == "0"
            && info(&redis, "aof_rewrite_scheduled").await == "0"
    })
    .await;
    ids.extend(add_backlog(&redis, 2_000, 7).await);
    wait_until_settled(&redis).await;
    service.kill9();
    redis.kill9();
    redis.restart().await;
    let is_wrong = assert_lag_is(&redis, 2_000, 0).await;
    let query = query_api(&redis).start().await;
    assert_tells(&query, 0).await;
    ids.extend(add_backlog(&redis, 30, 7).await);
    assert_tells(&query, 30).await;
    let service = consumer(&redis, 1).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
    let corrections = service.counter("energy_pipeline_stream_lag_corrections_total").await;
    assert_eq!(corrections, u64::from(is_wrong));
    let log = service.stderr();
    assert_eq!(log.contains("corrected the consumer group's lag"), is_wrong, "{log}");
}

#[tokio::test]
async fn after_a_failover_delivered_entries_do_not_count_as_unread() {
    let master = RedisServer::start().await;
    add_backlog(&master, 100, 7).await;
    process(&master, 100).await;
    let replica = replica_of(&master).await;
    add_backlog(&master, 1_500, 7).await;
    process(&master, 1_460).await;
    wait::until("all is replicated", async || {
        replica.run::<usize>(&["XLEN", STREAM]).await == 1_600 && replica.group().await.pending == 0
    })
    .await;
    promote(&replica).await;
    assert_lag_is(&replica, 1_500, 40).await;
    assert_tells(&query_api(&replica).start().await, 40).await;
}

#[tokio::test]
async fn a_lag_that_is_too_low_or_unknown_hides_no_unread_entry() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 100, 7).await;
    process(&redis, 60).await;
    let query = query_api(&redis).start().await;
    spoil(&redis, 100).await;
    assert_eq!(redis.group().await.lag, Some(0));
    assert_tells(&query, 40).await;
    spoil(&redis, 100_000).await;
    assert_tells(&query, 40).await;
    redis.run::<u64>(&["XDEL", STREAM, &ids[80]]).await;
    assert_eq!(redis.group().await.lag, None);
    assert_tells(&query, 39).await;
}

#[tokio::test]
async fn a_backlog_too_large_to_count_is_known_independently_of_lag() {
    let redis = RedisServer::start().await;
    add_backlog(&redis, 50, 7).await;
    process(&redis, 50).await;
    spoil(&redis, 7).await;
    add_backlog(&redis, MANY, 7).await;
    assert_eq!(redis.group().await.lag, Some(MANY as u64 + 43));
    let query = query_api(&redis).start().await;
    assert_tells(&query, MANY as u64).await;
    add_backlog(&redis, MANY, 7).await;
    assert_tells(&query, 2 * MANY as u64).await;
}

#[tokio::test]
async fn readings_are_accepted_when_only_lag_exceeds_the_backlog_limit() {
    let redis = RedisServer::start().await;
    add_backlog(&redis, 400, 7).await;
    process(&redis, 400).await;
    spoil(&redis, 0).await;
    assert_eq!(redis.group().await.lag, Some(400));
    let ingestion = ingestion_api(&redis).env("MAX_BACKLOG", 300).start().await;
    let post = async || ingestion.post("/readings", reading("site").to_string()).await.status;
    for _ in 0..290 {
        assert_eq!(post().await, 201);
    }
    assert!(!ingestion.stderr().contains("backlog is full"), "{}", ingestion.stderr());
    wait::until("300 are unread", async || post().await == 503).await;
}

#[tokio::test]
async fn unread_entries_are_still_reported_after_lag_was_corrected() {
    let redis = RedisServer::start().await;
    let slow = consumer(&redis, 1)
        .env("PROCESSING_DELAY_MS", 300)
        .env("MAX_IN_FLIGHT", 16)
        .env("BATCH_SIZE", 16);
    let service = slow.start().await;
    add_backlog(&redis, 400, 1).await;
    // Without a group there is no count to make wrong.
    wait::until("entries are delivered", async || redis.group().await.pending > 0).await;
    spoil(&redis, 1_000_000).await;
    wait::until("it is set right", async || {
        service.counter("energy_pipeline_stream_lag_corrections_total").await == 1
    })
    .await;
    for _ in 0..20 {
        let (reported, unread) = reported_and_true(&redis).await;
        assert_eq!(reported, unread);
        assert!(unread > 200, "{unread}");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(service.counter("energy_pipeline_stream_lag_corrections_total").await, 1);
}

#[tokio::test]
async fn lag_corrected_under_load_loses_and_duplicates_nothing() {
    let system = System::start(3).await;
    let producer = system.producer().start();
    let started = Instant::now();
    let mut wrong = 0;
    while started.elapsed() < UNDER_LOAD {
        spoil(&system.redis, wrong % 2 * 1_000_000).await;
        wrong += 1;
        producer.wait_for_more(30).await;
    }
    let corrections = async || {
        let mut sum = 0;
        for service in &system.processing {
            sum += service.counter("energy_pipeline_stream_lag_corrections_total").await;
        }
        sum
    };
    wait::until("it was set right", async || corrections().await >= 3).await;
    assert_eq!(producer.count(Class::Refused), 0);
    let report = system.checker().check(&producer.stop().await).await;
    report.assert_invariants_hold();
    wait_until_settled(&system.redis).await;
    println!("spoiled {wrong} times, set right {} times: {report}", corrections().await);
}
