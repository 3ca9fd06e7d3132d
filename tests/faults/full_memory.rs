//! Redis has no memory left, or would make room by throwing readings away.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::support::helpers::{info, unready_world};
use super::support::ledger::Class;
use super::support::system::World;
use crate::common::product::{Role, ingestion_api, query_api};
use crate::common::readings::{add_backlog, reading};
use crate::common::redis::RedisServer;
use crate::common::wait;

/// How long Redis stays full.
const FULL_FOR: Duration = Duration::from_secs(3);

async fn set_limit(redis: &RedisServer, bytes: u64) {
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", &bytes.to_string()]).await;
}

async fn is_ready(role: &Role) -> bool {
    role.get("/readyz").await.status == 200
}

#[tokio::test]
async fn while_redis_is_full_nothing_is_accepted_read_or_buried_and_then_all_is_stored() {
    let world = World::start(2).await;
    let producer = world.producer().start();
    producer.wait_for_more(200).await;
    let used: u64 = info(&world.redis, "used_memory").await.parse().unwrap();
    set_limit(&world.redis, used / 2).await;
    wait::until("readings are refused", async || producer.count(Class::Refused) > 20).await;
    let refused = world.ingestion.post("/readings", reading("site").to_string()).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
    for role in world.roles() {
        assert!(!is_ready(role).await);
    }
    // Nothing may come and go meanwhile: what is pending stays what it is.
    let pending = world.redis.group().await.pending;
    let since = std::time::Instant::now();
    wait::until("it was full for long", async || {
        assert!(world.redis.group().await.pending <= pending, "more was read than can be stored");
        since.elapsed() > FULL_FOR
    })
    .await;
    set_limit(&world.redis, 0).await;
    producer.wait_for_more(200).await;
    let ledger = producer.stop().await;
    let verdict = world.checker().check(&ledger).await;
    verdict.assert_kept();
    assert_eq!((verdict.dead, verdict.unknown), (0, 0), "{verdict}");
    for role in world.roles() {
        wait::until("it is ready again", async || is_ready(role).await).await;
    }
}

#[tokio::test]
async fn a_backlog_that_has_to_wait_for_memory_is_not_read_into_the_pending_list() {
    let redis = RedisServer::start().await;
    let _ingestion = ingestion_api(&redis).start().await;
    let ids = add_backlog(&redis, 5_000, 7).await;
    set_limit(&redis, 1).await;
    let mut world = unready_world(redis, 2).await;
    wait::until("it has tried", async || {
        world.processing.iter().any(|service| service.stderr().contains("OOM"))
    })
    .await;
    assert!(world.redis.group().await.pending <= 32, "{:?}", world.redis.group().await);
    let mut killed = world.processing.pop().unwrap();
    killed.kill9();
    set_limit(&world.redis, 0).await;
    crate::common::stored::assert_each_is_stored_once(&world.redis, &ids).await;
}

#[tokio::test]
async fn a_redis_that_would_throw_readings_away_is_refused_with_the_reason() {
    for (policy, safe) in
        [("allkeys-lru", false), ("allkeys-random", false), ("volatile-lru", true)]
    {
        let redis = RedisServer::start_with(&["--maxmemory-policy", policy]).await;
        let world = unready_world(redis, 1).await;
        for role in world.roles() {
            let probe = role.get("/readyz").await;
            assert_eq!(probe.status == 200, safe, "{policy}: {probe:?}");
            if !safe {
                let detail = probe.detail();
                assert!(detail.contains(policy) && detail.contains("noeviction"), "{detail}");
            }
            let live = role.get("/livez").await;
            assert_eq!(live.json(), json!({ "status": "alive" }));
        }
        let query = query_api(&world.redis).start().await;
        assert!(is_ready(&query).await, "what is there can be read");
        if !safe {
            world.redis.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
            for role in world.roles() {
                wait::until("it is ready", async || is_ready(role).await).await;
            }
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_is_not_used_up_by_a_reading_that_found_no_memory() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    wait::until("it is ready", async || is_ready(&ingestion).await).await;
    let send = async || {
        let request = ingestion.request(Method::POST, "/readings").header("idempotency-key", "k");
        crate::common::http::Reply::of(request.body(reading("site").to_string())).await
    };
    set_limit(&redis, 1).await;
    assert_eq!(send().await.status, 503);
    set_limit(&redis, 0).await;
    let (first, second) = (send().await, send().await);
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.json(), second.json());
    assert_eq!(redis.run::<usize>(&["XLEN", "energy_readings"]).await, 1);
}
