//! While Redis is unavailable no reading is accepted and none is lost; when it is back the work
//! goes on by itself.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::http::Reply;
use crate::common::product::{Launch, Role, ingestion_api, processing_service, query_api};
use crate::common::readings::{add_backlog, reading};
use crate::common::redis::{DEAD_LETTERS, RedisServer, STREAM};
use crate::common::stored::{self, assert_each_is_stored_once};
use crate::common::wait;

async fn post(ingestion: &Role) -> Reply {
    ingestion.post("/readings", reading("site").to_string()).await
}

/// A service that reads few entries at a time, and whose abandoned entries no reclaimer claims: it
/// has to read them again itself.
fn slow_and_alone(redis: &RedisServer) -> Launch {
    let slow = processing_service(redis).env("PROCESSING_DELAY_MS", 1);
    slow.env("BATCH_SIZE", 10).env("MAX_IN_FLIGHT", 20).env("CLAIM_MIN_IDLE_MS", 3_600_000)
}

/// Waits until a reading is accepted, and returns its id.
async fn wait_until_accepted(ingestion: &Role) -> String {
    wait::until_some("a reading is accepted", async || {
        let reply = post(ingestion).await;
        (reply.status == 201).then(|| reply.json()["stream_id"].as_str().unwrap().to_owned())
    })
    .await
}

/// Asserts a response with a sentence about the unavailable store, without its address.
fn assert_unavailable(reply: &Reply, redis: &RedisServer) {
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(!reply.header("x-request-id").is_empty());
    let detail = reply.detail();
    for internal in ["127.0.0.1", &redis.port().to_string(), "os error", "refused (", "panicked"] {
        assert!(!detail.contains(internal), "{internal} in {detail:?}");
    }
}

/// The ids of all entries: the sender does not know the id of a reading whose response was lost.
async fn ids_in_stream(redis: &RedisServer) -> Vec<String> {
    redis.entries(STREAM).await.into_iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn without_redis_every_response_says_so_and_the_processes_keep_running() {
    let redis = RedisServer::prepared(&[]);
    let (ingestion, processing, query) = (
        ingestion_api(&redis).start().await,
        processing_service(&redis).start().await,
        query_api(&redis).start().await,
    );
    let refused = post(&ingestion).await;
    assert_unavailable(&refused, &redis);
    assert!(refused.header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
    for role in [&processing, &query] {
        let refused = role.get("/sites/site/readings").await;
        assert_unavailable(&refused, &redis);
        assert!(refused.header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
    }
    for role in [&ingestion, &processing, &query] {
        assert_eq!(role.get("/livez").await.status, 200);
        assert_unavailable(&role.get("/readyz").await, &redis);
        let health = role.get("/health").await;
        assert_eq!((health.status, &health.json()["status"]), (200, &json!("degraded")));
        assert_eq!(health.json()["redis_connected"], false);
    }
    assert_unavailable(&processing.get("/metrics").await, &redis);
}

#[tokio::test]
async fn services_started_before_redis_work_as_soon_as_it_is_up() {
    let mut redis = RedisServer::prepared(&[]);
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    assert_eq!(post(&ingestion).await.status, 503);
    redis.restart().await;
    wait_until_accepted(&ingestion).await;
    assert_each_is_stored_once(&redis, &ids_in_stream(&redis).await).await;
    for role in [&ingestion, &processing] {
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
        assert_eq!(role.get("/health").await.json()["status"], "healthy");
    }
}

#[tokio::test]
async fn readings_accepted_before_redis_was_killed_are_stored_after_its_restart() {
    let mut redis = RedisServer::start_durable().await;
    let ingestion = ingestion_api(&redis).start().await;
    let slow = slow_and_alone(&redis).start().await;
    let mut ids = add_backlog(&redis, 1_000, 7).await;
    ids.push(wait_until_accepted(&ingestion).await);
    for _ in 0..3 {
        let before = stored::count(&redis).await;
        wait::until("it works", async || stored::count(&redis).await > before + 50).await;
        redis.kill9();
        let refused = post(&ingestion).await;
        assert_unavailable(&refused, &redis);
        redis.restart().await;
        ids.push(wait_until_accepted(&ingestion).await);
    }
    assert_each_is_stored_once(&redis, &ids).await;
    assert_eq!(slow.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_redis_that_hangs_delays_no_request_for_long() {
    let mut redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    wait_until_accepted(&ingestion).await;
    redis.signal("STOP");
    let asked = Instant::now();
    let (refused, unread, health) = tokio::join!(
        post(&ingestion),
        processing.get("/sites/site/readings"),
        processing.get("/health")
    );
    assert!(asked.elapsed() < Duration::from_secs(6), "answered after {:?}", asked.elapsed());
    assert_unavailable(&refused, &redis);
    assert_unavailable(&unread, &redis);
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("degraded")));
    assert_eq!(ingestion.get("/livez").await.status, 200);
    redis.signal("CONT");
    wait_until_accepted(&ingestion).await;
    assert_each_is_stored_once(&redis, &ids_in_stream(&redis).await).await;
}

#[tokio::test]
async fn a_redis_without_memory_accepts_nothing_and_loses_nothing() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).env("PROCESSING_DELAY_MS", 5).start().await;
    let mut ids = add_backlog(&redis, 300, 7).await;
    wait::until("it works", async || stored::count(&redis).await > 20).await;
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let stored = stored::count(&redis).await;
    assert_unavailable(&post(&ingestion).await, &redis);
    for role in [&ingestion, &processing] {
        assert_unavailable(&role.get("/readyz").await, &redis);
        assert_eq!(role.get("/livez").await.status, 200);
    }
    wait::until("it has tried", async || processing.stderr().contains("OOM")).await;
    assert_eq!(stored::count(&redis).await, stored);
    assert_eq!(processing.get("/sites/site-1/readings").await.status, 200, "it can be read");
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    ids.push(wait_until_accepted(&ingestion).await);
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn a_redis_that_becomes_a_replica_accepts_nothing_until_it_is_master_again() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    let first = wait_until_accepted(&ingestion).await;
    assert_each_is_stored_once(&redis, &[first]).await;
    redis.run::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert_unavailable(&post(&ingestion).await, &redis);
    assert_unavailable(&ingestion.get("/readyz").await, &redis);
    assert_unavailable(&processing.get("/readyz").await, &redis);
    assert_eq!(processing.get("/sites/site/readings").await.status, 200, "it can still be read");
    redis.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    wait_until_accepted(&ingestion).await;
    assert_each_is_stored_once(&redis, &ids_in_stream(&redis).await).await;
}

#[tokio::test]
async fn connections_closed_repeatedly_lose_and_duplicate_nothing() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 2_000, 7).await;
    let _slow = slow_and_alone(&redis).start().await;
    for cut in 1..=10 {
        wait::until("it works", async || stored::count(&redis).await >= cut * 100).await;
        redis.run::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    }
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn after_redis_has_lost_everything_new_readings_are_stored() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let _processing = processing_service(&redis).start().await;
    let first = wait_until_accepted(&ingestion).await;
    assert_each_is_stored_once(&redis, &[first]).await;
    redis.run::<()>(&["FLUSHALL"]).await;
    let second = wait_until_accepted(&ingestion).await;
    assert_each_is_stored_once(&redis, &[second]).await;
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 0);
}
