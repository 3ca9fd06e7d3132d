//! Two processes have the same consumer name, a misconfiguration.

use super::support::helpers::{consumers, wait_until_pending};
use super::support::system::{System, consumer};
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

const SEEN: &str = "energy_pipeline_duplicate_consumers_detected_total";

#[tokio::test]
async fn two_services_of_one_consumer_name_lose_and_duplicate_nothing_and_both_warn() {
    let mut system = System::start(1).await;
    let again = consumer(&system.redis, 1).start().await;
    let producer = system.producer().poison(system.redis.port(), 50).start();
    let first = &system.processing[0];
    for service in [first, &again] {
        wait::until("it has seen the other", async || service.counter(SEEN).await > 0).await;
        wait::until("it says so", async || service.stderr().contains("CONSUMER_NAME")).await;
    }
    producer.wait_for_more(100).await;
    system.processing[0].kill9();
    producer.wait_for_more(100).await;
    let report = system.checker().check(&producer.stop().await).await;
    report.assert_invariants_hold();
    assert!(report.dead > 0, "{report}");
    drop(again);
}

/// At its start the second reads all pending entries of the first, and hands them over when it
/// stops.
#[tokio::test]
async fn a_short_lived_duplicate_takes_no_entries_from_the_first_service() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 10, 2).await;
    let slow = consumer(&redis, 1).env("PROCESSING_DELAY_MS", 300);
    let slow = slow.start().await;
    wait_until_pending(&redis, ids.len() - 1).await;
    let mut duplicate = consumer(&redis, 1).env("DRAIN_TIMEOUT_MS", 0).start().await;
    let stored = "energy_pipeline_readings_stored_total";
    wait::until("it stores what the other has in hand", async || {
        duplicate.counter(stored).await > 0
    })
    .await;
    duplicate.terminate();
    assert_eq!(duplicate.exit_code().await, Some(0));
    assert_each_is_stored_once(&redis, &ids).await;
    assert!(slow.counter(stored).await > 0);
    wait::until("who lives is known", async || consumers(&redis).await.len() == 1).await;
}

#[tokio::test]
async fn a_restarted_service_is_not_a_duplicate_of_its_previous_instance() {
    let redis = RedisServer::start().await;
    let mut former = consumer(&redis, 1).start().await;
    wait::until("it shows that it lives", async || lives(&redis).await.len() == 1).await;
    former.kill9();
    let service = consumer(&redis, 1).start().await;
    wait::until("it shows that it lives", async || lives(&redis).await.len() == 2).await;
    let first = lives(&redis).await;
    wait::until("and again", async || lives(&redis).await != first).await;
    assert_eq!(service.counter(SEEN).await, 0, "{}", service.stderr());
}

/// The consumer instances and the times of their last heartbeats.
async fn lives(redis: &RedisServer) -> Vec<(String, f64)> {
    redis.run(&["ZRANGE", "energy_readings:consumer-instances", "0", "-1", "WITHSCORES"]).await
}
