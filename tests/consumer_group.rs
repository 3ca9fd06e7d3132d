//! The consumer group: created by the first service, at the start of the stream, and created again
//! when it is missing.

use crate::common::product::{ingestion_api, processing_service};
use crate::common::readings::{add_backlog, reading};
use crate::common::redis::{GROUP, Group, RedisServer, STREAM};
use crate::common::stored::{self, assert_each_is_stored_once, wait_until_settled};
use crate::common::wait;

#[tokio::test]
async fn an_ingestion_api_makes_the_group_so_that_an_autoscaler_sees_a_backlog() {
    let redis = RedisServer::start().await;
    let _ingestion = ingestion_api(&redis).start().await;
    wait::until("there is a group", async || redis.run::<usize>(&["EXISTS", STREAM]).await == 1)
        .await;
    add_backlog(&redis, 5, 1).await;
    assert_eq!(redis.group().await, Group { pending: 0, lag: Some(5) });
}

#[tokio::test]
async fn entries_from_before_the_group_are_stored_too() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 100, 7).await;
    let _processing = processing_service(&redis).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn a_destroyed_group_is_created_again_and_nothing_is_duplicated() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 1_000, 7).await;
    let _slow = processing_service(&redis).env("PROCESSING_DELAY_MS", 1).start().await;
    wait::until("it works", async || stored::count(&redis).await > 100).await;
    redis.run::<()>(&["XGROUP", "DESTROY", STREAM, GROUP]).await;
    assert_each_is_stored_once(&redis, &ids).await;
}

/// Deletes entries that are pending for a consumer before it reads them again.
async fn assert_deleted_entries_are_counted(consumer: &str) {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 10, 1).await;
    redis.deliver_to(consumer, 5).await;
    for id in &ids[..3] {
        redis.run::<()>(&["XDEL", STREAM, id]).await;
    }
    let processing = processing_service(&redis).env("CLAIM_MIN_IDLE_MS", 200).start().await;
    wait::until("the rest is stored", async || stored::count(&redis).await == 7).await;
    wait::until("nothing is pending", async || redis.group().await.pending == 0).await;
    assert_eq!(processing.counter("energy_pipeline_pending_entries_deleted_total").await, 3);
}

#[tokio::test]
async fn own_pending_entries_that_were_deleted_are_counted_and_block_no_other() {
    assert_deleted_entries_are_counted("consumer-1").await;
}

#[tokio::test]
async fn deleted_pending_entries_of_other_consumers_are_counted_and_block_no_other() {
    assert_deleted_entries_are_counted("a-dead-pod").await;
}

#[tokio::test]
async fn a_stream_key_of_the_wrong_type_is_waited_for() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", STREAM, "text"]).await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    assert_eq!(ingestion.post("/readings", reading("site").to_string()).await.status, 503);
    wait::until("it has tried", async || processing.stderr().contains("cannot read")).await;
    redis.run::<()>(&["DEL", STREAM]).await;
    let reply = ingestion.post("/readings", reading("site").to_string()).await;
    let id = reply.json()["stream_id"].as_str().unwrap().to_owned();
    assert_each_is_stored_once(&redis, &[id]).await;
}

#[tokio::test]
async fn an_unread_backlog_is_kept() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let ids = add_backlog(&redis, 5_000, 7).await;
    for _ in 0..10 {
        let reply = ingestion.post("/readings", reading("site").to_string()).await;
        assert_eq!(reply.status, 201);
    }
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, ids.len() + 10);
}

#[tokio::test]
async fn entries_that_another_group_has_not_read_are_kept_for_it() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 100, 7).await;
    redis.run::<()>(&["XGROUP", "CREATE", STREAM, "others", "0"]).await;
    let _processing = processing_service(&redis).start().await;
    wait_until_settled(&redis).await;
    let kept: Vec<_> = redis.entries(STREAM).await.into_iter().map(|entry| entry.id).collect();
    assert_eq!(kept, ids);
}
