//! Services start and stop as with an autoscaler, a node drain or a roll-out.

use std::time::{Duration, Instant};

use super::support::helpers::{consumers, wait_until_stored};
use super::support::system::{System, consumer};
use crate::common::product::{Role, processing_service};
use crate::common::readings::add_backlog;
use crate::common::redis::{Group, RedisServer};
use crate::common::stored::{self, assert_each_is_stored_once};
use crate::common::wait;

/// Stops a service and returns how long that took.
async fn end(mut role: Role) -> Duration {
    let asked = Instant::now();
    role.terminate();
    assert_eq!(role.exit_code().await, Some(0), "{}", role.stderr());
    asked.elapsed()
}

#[tokio::test]
async fn a_service_stopped_under_load_leaves_no_pending_entries_and_no_consumer() {
    let mut system = System::start(2).await;
    let producer = system.producer().start();
    for _ in 0..3 {
        producer.wait_for_more(100).await;
        let took = end(system.processing.pop().unwrap()).await;
        assert!(took < wait::AT_ONCE, "it took {took:?}");
        let left = consumers(&system.redis).await;
        assert!(!left.contains_key("consumer-2"), "{left:?}");
        system.processing.push(consumer(&system.redis, 2).start().await);
    }
    let ledger = producer.stop().await;
    system.checker().check(&ledger).await.assert_invariants_hold();
}

#[tokio::test]
async fn entries_left_at_the_drain_deadline_are_claimed_at_once() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 10_000, 7).await;
    let slow = consumer(&redis, 1).env("PROCESSING_DELAY_MS", 300).env("READ_BLOCK_MS", 100);
    let slow = slow.env("DRAIN_TIMEOUT_MS", 200).start().await;
    wait_until_stored(&redis, 1).await;
    let held = redis.group().await.pending;
    assert!(held > 1, "it holds {held}");
    let other = consumer(&redis, 2).env("CLAIM_MIN_IDLE_MS", 20_000).start().await;
    wait::until("the other works", async || {
        other.counter("energy_pipeline_readings_stored_total").await > 1_000
    })
    .await;
    let took = end(slow).await;
    assert!(took < wait::AT_ONCE, "it took {took:?}");
    let ended = Instant::now();
    wait::until("what was left is claimed", async || {
        other.counter("energy_pipeline_entries_claimed_total").await >= held - 2
    })
    .await;
    let waited = ended.elapsed();
    assert!(waited < wait::AT_ONCE, "handed over, but waited for {waited:?}");
    assert_each_is_stored_once(&redis, &ids).await;
}

/// With the default settings: an entry of a dead service would wait for half a minute.
#[tokio::test]
async fn handed_over_entries_are_claimed_by_an_idle_service_within_seconds() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 1_000, 7).await;
    let slow = processing_service(&redis).env("PROCESSING_DELAY_MS", 500);
    let slow = slow.env("DRAIN_TIMEOUT_MS", 0).start().await;
    wait_until_stored(&redis, 1).await;
    let other = processing_service(&redis).env("CONSUMER_NAME", "consumer-2").start().await;
    wait::until("only what the slow one holds is left", async || {
        let Group { pending, lag } = redis.group().await;
        lag == Some(0) && pending == (ids.len() - stored::count(&redis).await) as u64
    })
    .await;
    let held = redis.group().await.pending;
    assert!(held > 1, "it holds {held}");
    end(slow).await;
    let ended = Instant::now();
    assert_each_is_stored_once(&redis, &ids).await;
    let waited = ended.elapsed();
    println!("{held} entries were handed over and stored {waited:?} later");
    assert!(waited < Duration::from_secs(8), "handed over, but waited for {waited:?}");
    assert!(other.counter("energy_pipeline_entries_claimed_total").await > 0);
}

#[tokio::test]
async fn an_idle_service_stops_without_waiting_for_its_read() {
    let redis = RedisServer::start().await;
    let idle = consumer(&redis, 1).env("READ_BLOCK_MS", 15_000).start().await;
    wait::until("it waits for entries", async || {
        let clients: String = redis.run(&["CLIENT", "LIST"]).await;
        clients.lines().any(|line| line.contains("cmd=xreadgroup") && line.contains("flags=b"))
    })
    .await;
    let took = end(idle).await;
    assert!(took < wait::AT_ONCE, "it took {took:?}");
    assert_eq!(consumers(&redis).await.len(), 0);
}

#[tokio::test]
async fn after_repeated_scaling_the_group_has_running_consumers_only() {
    let mut system = System::start(1).await;
    let producer = system.producer().start();
    for _ in 0..3 {
        for n in 2..=4 {
            system.processing.push(consumer(&system.redis, n).start().await);
        }
        producer.wait_for_more(100).await;
        for role in system.processing.drain(1..).collect::<Vec<_>>() {
            end(role).await;
        }
    }
    let ledger = producer.stop().await;
    system.checker().check(&ledger).await.assert_invariants_hold();
    assert_eq!(consumers(&system.redis).await.into_keys().collect::<Vec<_>>(), ["consumer-1"]);
}

#[tokio::test]
async fn a_roll_out_under_load_loses_duplicates_and_dead_letters_nothing() {
    let mut system = System::start(2).await;
    let producer = system.producer().start();
    for _ in 0..2 {
        for n in 1..=2 {
            // Like a platform: the new one is ready before the old one is terminated.
            let name = format!("consumer-{n}");
            let new = consumer(&system.redis, n).start().await;
            wait::until("it is ready", async || new.get("/readyz").await.status == 200).await;
            let old = std::mem::replace(&mut system.processing[n - 1], new);
            producer.wait_for_more(50).await;
            end(old).await;
            producer.wait_for_more(50).await;
            assert!(consumers(&system.redis).await.contains_key(&name), "it works on");
        }
    }
    let ledger = producer.stop().await;
    let report = system.checker().check(&ledger).await;
    report.assert_invariants_hold();
    assert_eq!((report.dead, report.unknown), (0, 0), "{report}");
}
