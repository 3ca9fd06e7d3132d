//! A killed processing service (`kill -9`) delays readings and loses none: its entries are stored
//! by another, or by itself after a restart.

use crate::common::product::{Launch, processing_service};
use crate::common::readings::{add_backlog, add_houses};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, assert_each_is_stored_once};
use crate::common::wait;

const NEVER: &str = "3600000";

/// So few that a service reads all of them before it has measured its rate.
#[cfg(feature = "failpoints")]
const FEW: usize = 10;

fn consumer(redis: &RedisServer, number: usize) -> Launch {
    processing_service(redis).env("CONSUMER_NAME", format!("consumer-{number}"))
}

#[tokio::test]
async fn in_flight_entries_of_a_killed_service_are_claimed_by_another() {
    let redis = RedisServer::start().await;
    let ids = add_houses(&redis).await;
    let slow = consumer(&redis, 1).env("PROCESSING_DELAY_MS", 1);
    let mut slow = slow.start().await;
    wait::until("it is in the middle", async || stored::count(&redis).await > 200).await;
    slow.kill9();
    assert!(redis.group().await.pending > 0, "nothing is left to take over");
    let other = consumer(&redis, 2).env("CLAIM_MIN_IDLE_MS", 1000).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
    assert!(other.counter("energy_pipeline_entries_claimed_total").await > 0);
}

#[tokio::test]
async fn services_killed_repeatedly_lose_and_duplicate_nothing() {
    let redis = RedisServer::start().await;
    let ids = add_houses(&redis).await;
    for number in 1..=5 {
        let before = stored::count(&redis).await;
        let mut service = consumer(&redis, number).env("CLAIM_MIN_IDLE_MS", 300).start().await;
        wait::until("it has stored some", async || stored::count(&redis).await > before).await;
        service.kill9();
    }
    assert!(stored::count(&redis).await < ids.len(), "nothing is left to do");
    let _last = consumer(&redis, 6).env("CLAIM_MIN_IDLE_MS", 300).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

/// Blocks the service at a failpoint of an actor, and kills it there.
#[cfg(feature = "failpoints")]
async fn assert_nothing_is_lost_or_doubled_by_a_kill(place: &str, stored_then: usize) {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, FEW, 1).await;
    let first = consumer(&redis, 1).env("FAILPOINTS", format!("{place}=pause"));
    let mut first = first.start_process();
    wait::until("it has come to the place", async || {
        redis.group().await.pending == FEW as u64 && stored::count(&redis).await == stored_then
    })
    .await;
    first.kill9();
    let _other = consumer(&redis, 2).env("CLAIM_MIN_IDLE_MS", 200).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_kill_between_delivery_and_storing_loses_nothing() {
    assert_nothing_is_lost_or_doubled_by_a_kill("writer-before-zadd", 0).await;
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_kill_between_storing_and_acknowledging_duplicates_nothing() {
    assert_nothing_is_lost_or_doubled_by_a_kill("acker-before-xack", FEW).await;
}

#[tokio::test]
async fn a_frozen_service_is_replaced_and_duplicates_nothing_when_it_resumes() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 1_000, 7).await;
    let slow = consumer(&redis, 1).env("PROCESSING_DELAY_MS", 1);
    let mut frozen = slow.start().await;
    wait::until("it is in the middle", async || stored::count(&redis).await > 200).await;
    frozen.signal("STOP");
    let _other = consumer(&redis, 2).env("CLAIM_MIN_IDLE_MS", 300).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
    frozen.signal("CONT");
    let more = add_backlog(&redis, 100, 7).await;
    assert_each_is_stored_once(&redis, &[ids, more].concat()).await;
    frozen.terminate();
    assert_eq!(frozen.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_service_that_comes_back_under_its_name_reads_its_own_pending_entries_at_once() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 3_000, 7).await;
    redis.deliver_to("consumer-1", 1_700).await;
    let _again = consumer(&redis, 1).env("CLAIM_MIN_IDLE_MS", NEVER).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn entries_below_the_idle_time_are_not_claimed() {
    let redis = RedisServer::start().await;
    add_backlog(&redis, 100, 7).await;
    redis.deliver_to("slow-consumer", 40).await;
    let _service = consumer(&redis, 1).env("CLAIM_MIN_IDLE_MS", NEVER).start().await;
    wait::until("the rest is stored", async || stored::count(&redis).await == 60).await;
    wait::until("the rest is acknowledged", async || redis.group().await.pending == 40).await;
    assert_eq!(stored::count(&redis).await, 60);
}
