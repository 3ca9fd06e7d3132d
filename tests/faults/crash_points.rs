//! A processing service is killed (`kill -9`) at each place between two steps of its work; another
//! repeats the work, and each reading is stored once.

use super::support::helpers::{FIRST_BATCH, consumers, wait_until_pending, wait_until_stored};
use super::support::system::consumer;
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

/// Blocks the service at a failpoint, kills it at a given progress, and lets another finish.
async fn assert_finished_by_another(pause: &str, stored: usize, pending: usize) {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, FIRST_BATCH, 1).await;
    let launch = consumer(&redis, 1).env("FAILPOINTS", pause);
    let mut killed = launch.start_process();
    wait::until("there is a group", async || redis.group().await.lag == Some(0)).await;
    wait_until_stored(&redis, stored).await;
    wait_until_pending(&redis, pending).await;
    killed.kill9();
    let other = consumer(&redis, 2).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
    assert_eq!(other.counter("energy_pipeline_entries_claimed_total").await, pending as u64);
    // The dead consumer has no pending entries, and is deleted when it has been idle for long.
    assert!(consumers(&redis).await.values().all(|&pending| pending == 0));
}

#[tokio::test]
async fn entries_read_and_not_dispatched_are_claimed() {
    // The first read is that of its own pending entries; there are none.
    assert_finished_by_another("reader-after-read=1*off->pause", 0, FIRST_BATCH).await;
}

#[tokio::test]
async fn entries_about_to_be_stored_are_claimed() {
    assert_finished_by_another("bulk-write-after-fence=pause", 0, FIRST_BATCH).await;
}

#[tokio::test]
async fn entries_stored_and_not_acknowledged_are_not_duplicated() {
    assert_finished_by_another("bulk-write-after-zadd=pause", FIRST_BATCH, FIRST_BATCH).await;
}

#[tokio::test]
async fn entries_about_to_be_acknowledged_are_not_duplicated() {
    assert_finished_by_another("acker-before-xack=pause", FIRST_BATCH, FIRST_BATCH).await;
}

#[tokio::test]
async fn entries_just_acknowledged_are_not_redelivered() {
    assert_finished_by_another("acker-after-xack=pause", FIRST_BATCH, 0).await;
}
