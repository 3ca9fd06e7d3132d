//! With `REDIS_READ_FROM=replica` queries of stored readings read from a replica that Sentinels name, and from the
//! primary without one.

use std::time::Duration;

use super::failover::{follows, replica_of};
use super::support::sentinels::Sentinels;
use super::support::system::consumer;
use crate::common::http::Reply;
use crate::common::product::{Role, query_api};
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

const READINGS: &str = "/sites/site-0/readings";

const FALLBACKS: &str = "energy_pipeline_redis_read_fallbacks_total";

/// A primary with some readings, its replica, and Sentinels.
struct Replicated {
    primary: RedisServer,
    replica: RedisServer,
    sentinels: Sentinels,
    writer: Role,
}

impl Replicated {
    async fn start() -> Self {
        let primary = RedisServer::start().await;
        let replica = replica_of(&primary).await;
        let sentinels = Sentinels::watching(&primary).await;
        let ids = add_backlog(&primary, 20, 2).await;
        let writer = consumer(&primary, 1).env("REDIS_URL", sentinels.url(""));
        let writer = writer.env("REDIS_READ_FROM", "replica").start().await;
        assert_each_is_stored_once(&primary, &ids).await;
        Self { primary, replica, sentinels, writer }
    }

    async fn query_api(&self) -> Role {
        let launch = query_api(&self.primary).env("REDIS_URL", self.sentinels.url(""));
        launch.env("REDIS_READ_FROM", "replica").start().await
    }

    /// Adds a member to the replica alone.
    async fn add_to_replica(&self) {
        self.replica.run::<()>(&["CONFIG", "SET", "replica-read-only", "no"]).await;
        let key = "site:site-0:readings";
        let members: Vec<(String, f64)> =
            self.primary.run(&["ZRANGE", key, "0", "0", "WITHSCORES"]).await;
        let (member, score) = &members[0];
        let member = member.replacen("\"stream_id\": \"1", "\"stream_id\": \"2", 1);
        assert_ne!(member, members[0].0, "its stream id is another");
        self.replica.run::<()>(&["ZADD", key, &score.to_string(), &member]).await;
    }
}

fn count(reply: &Reply) -> usize {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["readings"].as_array().unwrap().len()
}

fn lag(reply: &Reply) -> Option<f64> {
    reply.headers.get("replica-lag")?.to_str().ok()?.parse().ok()
}

async fn wait_for_lag(role: &Role, condition: impl Fn(Option<f64>) -> bool) {
    wait::until("the header is as expected", async || {
        let reply = role.get(READINGS).await;
        reply.status == 200 && condition(lag(&reply))
    })
    .await;
}

#[tokio::test]
async fn queries_of_both_services_read_from_the_replica_and_name_its_lag() {
    let redis = Replicated::start().await;
    redis.add_to_replica().await;
    let query = redis.query_api().await;
    for service in [&query, &redis.writer] {
        wait::until("it reads from the replica", async || {
            count(&service.get(READINGS).await) == 11
        })
        .await;
        wait_for_lag(service, |lag| lag.is_some_and(|lag| (0.0..2.0).contains(&lag))).await;
        for path in ["/sites", "/sites/site-0", "/sites/site-0/energy?start=2024-01-15T00:00:00Z"] {
            assert!(lag(&service.get(path).await).is_some(), "{path}");
        }
        assert_eq!(lag(&service.get("/pipeline").await), None);
        assert_eq!(service.counter(FALLBACKS).await, 0);
    }
    assert_eq!(query.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_replica_that_receives_nothing_is_read_from_and_its_lag_grows() {
    let mut redis = Replicated::start().await;
    let query = redis.query_api().await;
    wait_for_lag(&query, |lag| lag.is_some()).await;
    redis.sentinels.forbid_failovers().await;
    redis.primary.signal("STOP");
    wait_for_lag(&query, |lag| lag.is_some_and(|lag| lag > 3.0)).await;
    redis.primary.signal("CONT");
    wait_for_lag(&query, |lag| lag.is_some_and(|lag| lag < 2.0)).await;
}

#[tokio::test]
async fn without_a_healthy_replica_queries_read_from_the_primary() {
    let mut redis = Replicated::start().await;
    let query = redis.query_api().await;
    wait_for_lag(&query, |lag| lag.is_some()).await;
    redis.replica.kill9();
    wait_for_lag(&query, |lag| lag.is_none()).await;
    wait::until("it is counted", async || query.counter(FALLBACKS).await == 1).await;
    assert!(query.stderr().contains("no healthy replica: queries read from the primary"));
    assert_eq!(count(&query.get(READINGS).await), 10);
    redis.replica.restart().await;
    follows(&redis.replica).await;
    wait_for_lag(&query, |lag| lag.is_some()).await;
    assert!(query.stderr().contains("queries read from a replica again"));
}

#[tokio::test]
async fn rollups_of_what_a_replica_has_are_stored_on_the_primary() {
    let redis = Replicated::start().await;
    let query = redis.query_api().await;
    let day = "/sites/site-0/energy?start=2024-01-15T00:00:00Z&end=2024-01-16T00:00:00Z";
    wait::until("the rollup is stored", async || {
        assert_eq!(query.get(day).await.status, 200);
        redis.primary.run::<u64>(&["HLEN", "site:site-0:rollups"]).await > 0
    })
    .await;
    assert_eq!(query.counter("energy_pipeline_redis_reconnects_total").await, 0);
    assert!(!query.stderr().contains("rollups were not stored"), "{}", query.stderr());
}

#[tokio::test]
async fn deletions_go_to_the_primary() {
    let redis = Replicated::start().await;
    let range = format!("{READINGS}?start=2024-01-15T00:00:00Z&end=2024-01-16T00:00:00Z");
    let reply = Reply::of(redis.writer.request(reqwest::Method::DELETE, &range)).await;
    assert!(reply.status < 300, "{reply:?}");
    wait::within(Duration::from_secs(10), "the replica follows", async || {
        count(&redis.writer.get(READINGS).await) == 0
    })
    .await;
    assert_eq!(redis.primary.run::<u64>(&["ZCARD", "site:site-0:readings"]).await, 0);
}
