//! Redis is out of memory, or its eviction policy would delete readings.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::support::helpers::{info, unready_system};
use super::support::ledger::Class;
use super::support::system::System;
use crate::common::product::{Role, ingestion_api, query_api};
use crate::common::readings::{add_backlog, reading};
use crate::common::redis::RedisServer;
use crate::common::wait;

/// How long Redis is out of memory.
const FULL_FOR: Duration = Duration::from_secs(3);

async fn set_limit(redis: &RedisServer, bytes: u64) {
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", &bytes.to_string()]).await;
}

async fn is_ready(role: &Role) -> bool {
    role.get("/readyz").await.status == 200
}

#[tokio::test]
async fn while_redis_is_out_of_memory_nothing_is_accepted_and_afterwards_all_is_stored() {
    let system = System::start(2).await;
    let producer = system.producer().start();
    producer.wait_for_more(200).await;
    let used: u64 = info(&system.redis, "used_memory").await.parse().unwrap();
    set_limit(&system.redis, used / 2).await;
    wait::until("readings are refused", async || producer.count(Class::Refused) > 20).await;
    let refused = system.ingestion.post("/readings", reading("site").to_string()).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
    for role in system.roles() {
        assert!(!is_ready(role).await);
    }
    // No entry may be claimed or acknowledged meanwhile: the pending entries stay the same.
    let pending = system.redis.group().await.pending;
    let since = std::time::Instant::now();
    wait::until("it was full for long", async || {
        assert!(system.redis.group().await.pending <= pending, "more was read than can be stored");
        since.elapsed() > FULL_FOR
    })
    .await;
    set_limit(&system.redis, 0).await;
    producer.wait_for_more(200).await;
    let ledger = producer.stop().await;
    let report = system.checker().check(&ledger).await;
    report.assert_invariants_hold();
    assert_eq!((report.dead, report.unknown), (0, 0), "{report}");
    for role in system.roles() {
        wait::until("it is ready again", async || is_ready(role).await).await;
    }
}

#[tokio::test]
async fn while_redis_is_out_of_memory_the_pending_list_does_not_grow() {
    let redis = RedisServer::start().await;
    let _ingestion = ingestion_api(&redis).start().await;
    let ids = add_backlog(&redis, 5_000, 7).await;
    set_limit(&redis, 1).await;
    let mut system = unready_system(redis, 2).await;
    wait::until("it has tried", async || {
        system.processing.iter().any(|service| service.stderr().contains("OOM"))
    })
    .await;
    assert!(system.redis.group().await.pending <= 32, "{:?}", system.redis.group().await);
    let mut killed = system.processing.pop().unwrap();
    killed.kill9();
    set_limit(&system.redis, 0).await;
    crate::common::stored::assert_each_is_stored_once(&system.redis, &ids).await;
}

#[tokio::test]
async fn an_eviction_policy_that_deletes_readings_fails_readiness_with_the_reason() {
    for (policy, safe) in
        [("allkeys-lru", false), ("allkeys-random", false), ("volatile-lru", true)]
    {
        let redis = RedisServer::start_with(&["--maxmemory-policy", policy]).await;
        let system = unready_system(redis, 1).await;
        for role in system.roles() {
            let probe = role.get("/readyz").await;
            assert_eq!(probe.status == 200, safe, "{policy}: {probe:?}");
            if !safe {
                let detail = probe.detail();
                assert!(detail.contains(policy) && detail.contains("noeviction"), "{detail}");
            }
            let live = role.get("/livez").await;
            assert_eq!(live.json(), json!({ "status": "alive" }));
        }
        let query = query_api(&system.redis).start().await;
        assert!(is_ready(&query).await, "what is there can be read");
        if !safe {
            system.redis.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
            for role in system.roles() {
                wait::until("it is ready", async || is_ready(role).await).await;
            }
        }
    }
}

#[tokio::test]
async fn a_reading_rejected_for_lack_of_memory_does_not_consume_its_idempotency_key() {
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
