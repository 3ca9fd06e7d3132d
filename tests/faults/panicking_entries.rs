//! Storing an entry panics again and again: it becomes a dead letter, and only it.

use super::support::helpers::{HANDFUL, field, reasons};
use super::support::system::consumer;
use crate::common::readings::add_backlog;
use crate::common::redis::{DEAD_LETTERS, RedisServer};
use crate::common::stored::{self, wait_until_settled};
use crate::common::wait;

#[tokio::test]
async fn an_entry_whose_storing_panics_three_times_is_buried_and_its_neighbours_are_stored() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, HANDFUL, 1).await;
    // The batch panics, and then whichever entry comes first, as each goes alone from then on.
    let launch = consumer(&redis, 1).env("MAX_DELIVERIES", 3);
    let service = launch.env("FAILPOINTS", "writer-before-zadd=3*panic->off").start().await;
    wait_until_settled(&redis).await;
    let buried: Vec<_> = reasons(&redis).await.into_keys().collect();
    assert_eq!(buried.len() + stored::count(&redis).await, ids.len());
    assert!(buried.len() <= 1, "more than the culprit: {buried:?}");
    assert_eq!(service.counter("actor_restarts_total").await, 3);
}

#[tokio::test]
async fn a_single_entry_that_panics_for_ever_is_buried_and_says_why() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 1, 1).await;
    let launch = consumer(&redis, 1).env("MAX_DELIVERIES", 3);
    let service = launch.env("FAILPOINTS", "writer-before-zadd=3*panic->off").start().await;
    wait::until("it is buried", async || !reasons(&redis).await.is_empty()).await;
    wait_until_settled(&redis).await;
    let letter = &redis.entries(DEAD_LETTERS).await[0];
    assert_eq!(field(letter, "original_id"), ids[0]);
    assert_eq!(field(letter, "deliveries"), "3");
    assert!(field(letter, "reason").contains("panic"), "{letter:?}");
    let more = add_backlog(&redis, 100, 3).await;
    wait_until_settled(&redis).await;
    assert_eq!(stored::count(&redis).await, more.len());
    assert_eq!(service.counter("entries_dead_lettered_total").await, 1);
}
