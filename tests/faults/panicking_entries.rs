//! Storing an entry panics each time: this entry becomes a dead letter, and no other.

use super::support::helpers::{FIRST_BATCH, dead_letter_reasons, field};
use super::support::system::consumer;
use crate::common::readings::add_backlog;
use crate::common::redis::{DEAD_LETTERS, RedisServer};
use crate::common::stored::{self, wait_until_settled};
use crate::common::wait;

#[tokio::test]
async fn an_entry_with_three_processing_failures_is_dead_lettered_and_the_others_are_stored() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, FIRST_BATCH, 1).await;
    // The batch panics, and then the first entry, as entries are processed one by one from then on.
    let launch = consumer(&redis, 1).env("MAX_PROCESSING_FAILURES", 3);
    let service = launch.env("FAILPOINTS", "writer-before-zadd=3*panic->off").start().await;
    wait_until_settled(&redis).await;
    let dead_lettered: Vec<_> = dead_letter_reasons(&redis).await.into_keys().collect();
    assert_eq!(dead_lettered.len() + stored::count(&redis).await, ids.len());
    assert!(dead_lettered.len() <= 1, "more than the culprit: {dead_lettered:?}");
    assert_eq!(service.counter("energy_pipeline_actor_restarts_total").await, 3);
}

#[tokio::test]
async fn a_single_entry_that_always_panics_is_dead_lettered_with_the_reason() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 1, 1).await;
    let launch = consumer(&redis, 1).env("MAX_PROCESSING_FAILURES", 3);
    let service = launch.env("FAILPOINTS", "writer-before-zadd=3*panic->off").start().await;
    wait::until("it is dead-lettered", async || !dead_letter_reasons(&redis).await.is_empty())
        .await;
    wait_until_settled(&redis).await;
    let dead_letter = &redis.entries(DEAD_LETTERS).await[0];
    assert_eq!(field(dead_letter, "original_id"), ids[0]);
    assert_eq!(field(dead_letter, "deliveries"), "3");
    assert!(field(dead_letter, "reason").contains("panic"), "{dead_letter:?}");
    let more = add_backlog(&redis, 100, 3).await;
    wait_until_settled(&redis).await;
    assert_eq!(stored::count(&redis).await, more.len());
    assert_eq!(service.counter("energy_pipeline_entries_dead_lettered_total").await, 1);
}
