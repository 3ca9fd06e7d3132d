//! A stream without new entries, and with pending entries of a dead consumer.

use std::time::{Duration, Instant};

use super::support::system::{CLAIM_MIN_IDLE_MS, consumer};
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;

#[tokio::test]
async fn pending_entries_of_a_dead_service_are_claimed_on_an_idle_stream() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 5, 1).await;
    redis.deliver_to("dead", 5).await;
    let _service = consumer(&redis, 1).start().await;
    let started = Instant::now();
    assert_each_is_stored_once(&redis, &ids).await;
    let may = Duration::from_millis(CLAIM_MIN_IDLE_MS * 3);
    assert!(started.elapsed() < may, "after {:?}", started.elapsed());
}
