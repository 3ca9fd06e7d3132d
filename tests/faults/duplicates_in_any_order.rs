//! `DEDUP_POLICY` keeps the same readings in whatever order, however often and by whichever service their entries are
//! delivered, and `reconcile` does not take the others for lost.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

#[cfg(feature = "failpoints")]
use super::support::helpers::wait_until_pending;
use super::support::rng::Rng;
use super::support::system::consumer;
use crate::common::http::Reply;
use crate::common::product::{Launch, launch};
use crate::common::readings::{add, fields};
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::stored::{self, wait_until_settled};
use crate::common::wait;

const ENTRIES: u64 = 600;

/// Few keys, so that each has many entries.
const KEYS: u64 = 40;

/// Adds entries, the n-th of which has the power n; gives the numbers of each key, in the order of acceptance.
async fn add_duplicates(redis: &RedisServer, rng: &mut Rng) -> BTreeMap<u64, Vec<u64>> {
    let mut sent: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for n in 0..ENTRIES {
        let key = rng.below(KEYS);
        let timestamp = timestamp(key, n);
        let mut entry = fields(&format!("site-{}", key % 2), &format!("{n}.0"), &timestamp);
        entry[1].1 = format!("meter-{}", key % 4);
        add(redis, "*", &entry).await;
        sent.entry(key).or_default().push(n);
    }
    sent
}

/// Of every third key a moment whose score may be rounded, in two spellings.
fn timestamp(key: u64, n: u64) -> String {
    let second = key / 2;
    match (second % 3, n % 2) {
        (0, 0) => format!("9998-01-01T12:00:{second:02}Z"),
        (0, _) => format!("9998-01-01T13:00:{second:02}+01:00"),
        _ => format!("2024-01-15T12:00:{second:02}Z"),
    }
}

async fn stored_powers(redis: &RedisServer) -> Vec<u64> {
    wait_until_settled(redis).await;
    let mut powers = Vec::new();
    for site in ["site-0", "site-1"] {
        for member in stored::members(redis, site).await {
            let member: Value = serde_json::from_str(&member.text).unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            powers.push(member["power_reading"].as_f64().unwrap() as u64);
        }
    }
    powers.sort_unstable();
    powers
}

fn expected(policy: &str, sent: &BTreeMap<u64, Vec<u64>>) -> Vec<u64> {
    let one = |numbers: &Vec<u64>| match policy {
        "first" => numbers[0],
        _ => numbers[numbers.len() - 1],
    };
    let mut kept: Vec<u64> = sent.values().map(one).collect();
    kept.sort_unstable();
    kept
}

fn service(redis: &RedisServer, n: usize, policy: &str) -> Launch {
    consumer(redis, n).env("DEDUP_POLICY", policy).env("BATCH_SIZE", 7).env("MAX_IN_FLIGHT", 20)
}

/// Delivers some entries to consumers that never acknowledge them, so that they are claimed out of order.
async fn deliver_out_of_order(redis: &RedisServer, rng: &mut Rng) {
    let _ = redis.try_run::<()>(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]).await;
    for n in 0..rng.between(3, 10) {
        let (consumer, count) = (format!("gone-{n}"), rng.between(1, 60).to_string());
        let read =
            ["XREADGROUP", "GROUP", GROUP, &consumer, "COUNT", &count, "STREAMS", STREAM, ">"];
        let _: redis::Value = redis.run(&read).await;
    }
}

#[tokio::test]
async fn redelivered_and_claimed_entries_and_killed_services_change_nothing() {
    for (seed, policy) in [(1, "first"), (2, "last"), (3, "first"), (4, "last")] {
        let (mut redis, mut rng) = (RedisServer::start_durable().await, Rng::seeded(seed));
        let sent = add_duplicates(&redis, &mut rng).await;
        deliver_out_of_order(&redis, &mut rng).await;
        let mut first = service(&redis, 1, policy).start().await;
        let second = service(&redis, 2, policy).start().await;
        wait::until("some are stored", async || stored::count(&redis).await > 10).await;
        first.kill9();
        let _first = service(&redis, 1, policy).start().await;
        redis.kill9();
        redis.restart().await;
        assert_eq!(stored_powers(&redis).await, expected(policy, &sent), "{policy} {seed}");
        // Everything once more, from any entry on.
        for _ in 0..3 {
            let id = format!("0-{}", rng.below(2));
            redis.run::<()>(&["XGROUP", "SETID", STREAM, GROUP, &id]).await;
            wait_until_settled(&redis).await;
        }
        assert_eq!(stored_powers(&redis).await, expected(policy, &sent), "{policy} {seed}");
        let dropped: u64 = redis.run(&["ZCARD", &format!("{STREAM}:deleted")]).await;
        assert_eq!(dropped, ENTRIES - sent.len() as u64, "{policy} {seed}");
        drop(second);
    }
}

#[tokio::test]
async fn the_other_readings_are_neither_lost_nor_come_back_when_the_kept_ones_are_deleted() {
    for policy in ["first", "last"] {
        let (redis, mut rng) = (RedisServer::start().await, Rng::seeded(5));
        let sent = add_duplicates(&redis, &mut rng).await;
        let role = service(&redis, 1, policy).start().await;
        assert_eq!(stored_powers(&redis).await, expected(policy, &sent), "{policy}");
        let path = "/sites/site-0/readings?start=2024-01-15&end=9999-01-01";
        assert_eq!(Reply::of(role.request(Method::DELETE, path)).await.status, 200);
        let reconcile = launch(&["reconcile", "--repair"]).env("REDIS_HOST", "127.0.0.1");
        let ended = reconcile.env("REDIS_PORT", redis.port()).run().await;
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
        redis.run::<()>(&["XGROUP", "SETID", STREAM, GROUP, "0"]).await;
        wait_until_settled(&redis).await;
        assert_eq!(stored::members(&redis, "site-0").await.len(), 0, "{policy}");
    }
}

/// The first process has checked that it owns the entries and is frozen before it writes; the second claims, stores and
/// acknowledges them; they are deleted, and sent again; then the first one writes.
#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_late_write_of_deleted_readings_replaces_none_that_was_accepted_after_the_deletion() {
    for policy in ["first", "last"] {
        let redis = RedisServer::start().await;
        send_two(&redis, "1.0").await;
        let frozen = service(&redis, 1, policy).env("BATCH_SIZE", 2).env("MAX_IN_FLIGHT", 2);
        let frozen = frozen.env("FAILPOINTS", "bulk-write-after-fence=1*sleep(6000)").start().await;
        wait_until_pending(&redis, 2).await;
        let other = service(&redis, 2, policy).start().await;
        assert_eq!(stored_powers(&redis).await, [1, 1], "{policy}");
        let path = "/sites/site-0/readings?start=2024-01-15&end=9999-01-01";
        assert_eq!(Reply::of(other.request(Method::DELETE, path)).await.status, 200);
        send_two(&redis, "2.0").await;
        assert_eq!(stored_powers(&redis).await, [2, 2], "{policy}");
        wait::until("the first has written", async || {
            frozen.counter("energy_pipeline_readings_stored_total").await >= 2
        })
        .await;
        assert_eq!(stored_powers(&redis).await, [2, 2], "{policy}");
    }
}

/// Two readings of one device; the score of the second one is rounded.
#[cfg(feature = "failpoints")]
async fn send_two(redis: &RedisServer, power: &str) {
    for timestamp in ["2024-01-15T12:00:00Z", "9998-01-01T00:00:00.000001Z"] {
        add(redis, "*", &fields("site-0", power, timestamp)).await;
    }
}

#[tokio::test]
async fn two_services_with_a_policy_leave_one_reading_of_each_key_under_load() {
    let (redis, mut rng) = (RedisServer::start().await, Rng::seeded(6));
    let services =
        [service(&redis, 1, "last").start().await, service(&redis, 2, "last").start().await];
    let mut sent: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for _ in 0..3 {
        sent = add_duplicates(&redis, &mut rng).await;
    }
    wait_until_settled(&redis).await;
    assert_eq!(stored_powers(&redis).await, expected("last", &sent));
    drop(services);
}
