//! A deleted reading stays deleted: when its entry is delivered once more, claimed, written late, or reconciled.

use reqwest::Method;

#[cfg(feature = "failpoints")]
use super::support::helpers::wait_until_pending;
use super::support::helpers::wait_until_stored;
use super::support::system::consumer;
use crate::common::http::Reply;
use crate::common::product::{Role, launch, query_api};
use crate::common::readings::add_backlog;
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::stored::{self, assert_each_is_stored_once, wait_until_settled};
use crate::common::wait;

const COUNT: usize = 10;

/// Deletes all readings but the last three.
async fn delete(service: &Role, ids: &[String]) {
    let path = "/sites/site-0/readings?start=2024-01-15T00:00:00Z&end=2024-01-15T00:00:06Z";
    let reply = Reply::of(service.request(Method::DELETE, path)).await;
    assert_eq!((reply.status, reply.json()["deleted"].as_u64()), (200, Some(6)), "{reply:?}");
    let path = format!("/sites/site-0/readings/{}", ids[6]);
    assert_eq!(Reply::of(service.request(Method::DELETE, &path)).await.status, 204);
}

async fn assert_the_others_are_stored(redis: &RedisServer, ids: &[String]) {
    assert_each_is_stored_once(redis, &ids[7..]).await;
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn an_entry_that_is_stored_and_not_acknowledged_is_claimed_and_not_stored_again() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, COUNT, 1).await;
    let paused = consumer(&redis, 1).env("FAILPOINTS", "bulk-write-after-zadd=pause");
    let mut killed = paused.start_process();
    wait_until_stored(&redis, COUNT).await;
    let query = query_api(&redis).start().await;
    delete(&query, &ids).await;
    wait_until_pending(&redis, COUNT).await;
    killed.kill9();
    let other = consumer(&redis, 2).start().await;
    assert_the_others_are_stored(&redis, &ids).await;
    assert_eq!(other.counter("energy_pipeline_entries_claimed_total").await, COUNT as u64);
    assert_eq!(other.counter("energy_pipeline_readings_stored_total").await, 3);
}

/// The first process has checked that it owns the entries and is frozen before it writes; the second claims, stores and
/// acknowledges them; then they are deleted; then the first one writes.
#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_late_write_of_a_frozen_process_is_removed() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, COUNT, 1).await;
    let frozen = consumer(&redis, 1).env("FAILPOINTS", "bulk-write-after-fence=1*sleep(6000)");
    let frozen = frozen.start().await;
    wait_until_pending(&redis, COUNT).await;
    let other = consumer(&redis, 2).start().await;
    wait_until_stored(&redis, COUNT).await;
    wait_until_settled(&redis).await;
    delete(&other, &ids).await;
    wait::until("the first has written", async || {
        frozen.stderr().contains("deleted readings were stored again, and are removed")
    })
    .await;
    wait::until("they are removed", async || stored::count(&redis).await == 3).await;
    assert_the_others_are_stored(&redis, &ids).await;
}

#[tokio::test]
async fn a_process_that_ended_after_it_had_stored_them_again_leaves_none() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, COUNT, 1).await;
    let first = consumer(&redis, 1).start().await;
    wait_until_settled(&redis).await;
    let before = stored::members(&redis, "site-0").await;
    delete(&first, &ids).await;
    drop(first);
    // What such a process leaves behind: readings that are stored again, and their entries pending.
    let again = before.into_iter().map(|member| (member.score, member.text));
    redis.run::<()>(&["DEL", "site:site-0:readings"]).await;
    stored::insert_members(&redis, "site-0", again).await;
    redis.run::<()>(&["XGROUP", "SETID", STREAM, GROUP, "0"]).await;
    redis.deliver_to("ended", COUNT).await;
    let _second = consumer(&redis, 2).start().await;
    assert_the_others_are_stored(&redis, &ids).await;
}

#[tokio::test]
async fn when_the_whole_stream_is_delivered_again_deleted_readings_are_not_stored() {
    for command in
        [&["XGROUP", "SETID", STREAM, GROUP, "0"][..], &["XGROUP", "DESTROY", STREAM, GROUP]]
    {
        let redis = RedisServer::start().await;
        let ids = add_backlog(&redis, COUNT, 1).await;
        let service = consumer(&redis, 1).start().await;
        wait_until_settled(&redis).await;
        delete(&service, &ids).await;
        redis.run::<()>(command).await;
        let stored_again = async || service.counter("energy_pipeline_readings_stored_total").await;
        wait::until("it is stored again", async || stored_again().await > COUNT as u64).await;
        assert_the_others_are_stored(&redis, &ids).await;
    }
}

#[tokio::test]
async fn reconcile_neither_lists_nor_restores_deleted_readings() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, COUNT, 1).await;
    let service = consumer(&redis, 1).start().await;
    wait_until_settled(&redis).await;
    delete(&service, &ids).await;
    let reconcile = launch(&["reconcile", "--repair"]).env("REDIS_HOST", "127.0.0.1");
    let ended = reconcile.env("REDIS_PORT", redis.port()).run().await;
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
    assert!(
        ended.stderr.contains("3 stored") && ended.stderr.contains("7 deleted or not kept"),
        "{ended:?}"
    );
    assert_the_others_are_stored(&redis, &ids).await;
}
