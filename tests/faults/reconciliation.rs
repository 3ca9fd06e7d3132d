//! A consumer was deleted with entries pending, so Redis redelivers them to no consumer: an
//! operator lists the orphaned entries and has them restored.

use super::support::helpers::{dead_letter_reasons, wait_until_stored};
use super::support::system::{System, consumer};
use crate::common::process::Ended;
use crate::common::product::{Role, launch};
use crate::common::readings::{NOON, add, add_backlog, fields};
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::stored::{self, assert_each_is_stored_once, wait_until_settled};
use crate::common::wait;

/// Readings of three sites; the first `count` entries are orphaned with their consumer.
async fn thrown_away(count: usize) -> (RedisServer, Role, Vec<String>) {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, count + 20, 3).await;
    redis.deliver_to("dead", count).await;
    let deleted: usize = redis.run(&["XGROUP", "DELCONSUMER", STREAM, GROUP, "dead"]).await;
    assert_eq!(deleted, count);
    let service = consumer(&redis, 1).start().await;
    wait_until_stored(&redis, 20).await;
    wait_until_settled(&redis).await;
    (redis, service, ids)
}

async fn reconcile(redis: &RedisServer, arguments: &[&str]) -> Ended {
    let launch = launch(&[&["reconcile"], arguments].concat());
    launch.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port()).run().await
}

fn lines(ended: &Ended) -> Vec<&str> {
    ended.stdout.lines().collect()
}

#[tokio::test]
async fn orphaned_entries_are_listed_and_changed_only_with_repair() {
    let (redis, service, ids) = thrown_away(2_500).await;
    let named = reconcile(&redis, &[]).await;
    assert_eq!(named.status.code(), Some(1), "{named:?}");
    assert_eq!(lines(&named), ids[..2_500]);
    assert!(named.stderr.contains("2500 missing"), "{named:?}");
    assert_eq!((redis.group().await.pending, stored::count(&redis).await), (0, 20));
    let repaired = reconcile(&redis, &["--repair"]).await;
    assert_eq!(repaired.status.code(), Some(0), "{repaired:?}");
    wait_until_stored(&redis, ids.len()).await;
    assert_each_is_stored_once(&redis, &ids).await;
    assert_eq!(service.counter("energy_pipeline_entries_claimed_total").await, 2_500);
    let again = reconcile(&redis, &["--repair"]).await;
    assert_eq!((again.status.code(), lines(&again).len()), (Some(0), 0), "{again:?}");
}

#[tokio::test]
async fn pending_stored_and_dead_lettered_entries_are_not_orphaned_and_lost_poison_is() {
    let redis = RedisServer::start().await;
    let poison = add(&redis, "*", &fields("site-1", "poison", NOON)).await;
    redis.deliver_to("dead", 1).await;
    redis.run::<usize>(&["XGROUP", "DELCONSUMER", STREAM, GROUP, "dead"]).await;
    let dead_lettered = add(&redis, "*", &fields("site-1", "also poison", NOON)).await;
    add_backlog(&redis, 20, 3).await;
    let service = consumer(&redis, 1).start().await;
    wait_until_settled(&redis).await;
    drop(service);
    add_backlog(&redis, 5, 3).await;
    let entry = ["XREADGROUP", "GROUP", GROUP, "slow", "COUNT", "3", "STREAMS", STREAM, ">"];
    redis.run::<redis::Value>(&entry).await;
    let named = reconcile(&redis, &[]).await;
    assert_eq!(lines(&named), [poison.as_str()], "{named:?}");
    for told in ["20 stored", "3 pending", "1 dead-lettered"] {
        assert!(named.stderr.contains(told), "{named:?}");
    }
    reconcile(&redis, &["--repair"]).await;
    let _service = consumer(&redis, 1).start().await;
    wait::until("both are dead-lettered", async || dead_letter_reasons(&redis).await.len() == 2)
        .await;
    let dead_letters = dead_letter_reasons(&redis).await;
    assert!(
        dead_letters.contains_key(&poison) && dead_letters.contains_key(&dead_lettered),
        "{dead_letters:?}"
    );
}

#[tokio::test]
async fn readings_deleted_on_purpose_are_not_restored() {
    let (redis, _service, ids) = thrown_away(3).await;
    redis.run::<()>(&["DEL", "site:site-0:readings"]).await;
    let named = reconcile(&redis, &[]).await;
    assert_eq!(lines(&named), [&ids[1], &ids[2]], "{named:?}");
    let old = reconcile(&redis, &["--repair", "--readings-retention", "30d"]).await;
    assert_eq!((old.status.code(), lines(&old).len()), (Some(0), 0), "{old:?}");
    assert_eq!(redis.group().await.pending, 0);
}

#[tokio::test]
async fn while_services_run_no_entry_is_orphaned() {
    let system = System::start(2).await;
    let producer = system.producer().poison(system.redis.port(), 20).start();
    for _ in 0..10 {
        producer.wait_for_more(50).await;
        let named = reconcile(&system.redis, &["--repair"]).await;
        assert_eq!((named.status.code(), lines(&named).len()), (Some(0), 0), "{named:?}");
    }
    system.checker().check(&producer.stop().await).await.assert_invariants_hold();
}

#[tokio::test]
async fn without_a_group_or_a_redis_it_fails_with_the_reason() {
    let redis = RedisServer::start().await;
    let ended = reconcile(&redis, &[]).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("no consumer group"), "{ended:?}");
    let away = RedisServer::prepared(&[]);
    let ended = reconcile(&away, &[]).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}
