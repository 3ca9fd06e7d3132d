//! With an `Idempotency-Key`, all attempts to send a reading append one entry.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;

use super::support::system::consumer;
use crate::common::http::Reply;
use crate::common::product::{Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

async fn send(ingestion: &Role, key: &str, body: &str) -> Reply {
    let request = ingestion.request(Method::POST, "/readings").header("idempotency-key", key);
    Reply::of(request.body(body.to_owned())).await
}

fn id(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()["stream_id"].as_str().unwrap().to_owned()
}

fn body(site: &str) -> String {
    reading(site).to_string()
}

async fn entries(redis: &RedisServer) -> usize {
    redis.run(&["XLEN", STREAM]).await
}

#[tokio::test]
async fn a_reading_sent_five_times_concurrently_to_two_servers_has_one_id() {
    let redis = RedisServer::start().await;
    let (first, second) =
        (ingestion_api(&redis).start().await, ingestion_api(&redis).start().await);
    let _service = consumer(&redis, 1).start().await;
    let mut ids = Vec::new();
    for round in 0..20 {
        let (key, body) = (format!("key-{round}"), body("site"));
        let servers = [&first, &second, &first, &second, &first];
        let replies = join_all(servers.map(|server| send(server, &key, &body))).await;
        let answered: Vec<_> = replies.iter().map(id).collect();
        assert!(answered.windows(2).all(|pair| pair[0] == pair[1]), "{answered:?}");
        assert_eq!(id(&send(&second, &key, &body).await), answered[0], "a later attempt");
        ids.push(answered[0].clone());
    }
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn a_response_says_whether_the_key_was_known() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    for known in ["false", "true", "true"] {
        let reply = send(&ingestion, "key", &body("site")).await;
        assert_eq!(reply.header("idempotent-replayed"), known);
        assert_eq!(reply.json().as_object().unwrap().len(), 2, "the contract's members only");
    }
    let without_key = ingestion.post("/readings", body("site")).await;
    assert!(!without_key.headers.contains_key("idempotent-replayed"), "{without_key:?}");
}

#[tokio::test]
async fn another_body_with_the_same_key_is_rejected() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let first = send(&ingestion, "key", &body("site")).await;
    let other = send(&ingestion, "key", &body("other")).await;
    assert_eq!(other.status, 422);
    let fault = &other.json()["detail"][0];
    assert_eq!(fault["loc"], serde_json::json!(["header", "Idempotency-Key"]));
    assert_eq!(entries(&redis).await, 1);
    assert_eq!(id(&send(&ingestion, "key", &body("site")).await), id(&first));
}

#[tokio::test]
async fn an_invalid_body_does_not_consume_its_key() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    assert_eq!(send(&ingestion, "key", "{}").await.status, 422);
    assert_eq!(send(&ingestion, "key", &body("site")).await.status, 201);
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_ascii_characters() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    for (key, status) in [
        ("k", 201),
        ("~!{}/:;,%", 201),
        (&longest, 201),
        (&too_long, 422),
        ("", 422),
        ("with space", 422),
        ("ümlaut", 422),
    ] {
        let reply = send(&ingestion, key, &body("site")).await;
        assert_eq!(reply.status, status, "{key}: {reply:?}");
        if status == 422 {
            let fault = &reply.json()["detail"][0];
            assert_eq!(fault["loc"][0], "header", "{key}: {fault}");
        }
    }
}

#[tokio::test]
async fn a_request_with_two_keys_is_rejected() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let request = ingestion.request(Method::POST, "/readings").header("idempotency-key", "one");
    let reply = Reply::of(request.header("idempotency-key", "two").body(body("site"))).await;
    assert_eq!(reply.status, 422, "{reply:?}");
    assert_eq!(reply.json()["detail"][0]["loc"][1], "Idempotency-Key");
}

#[tokio::test]
async fn readings_without_a_key_are_entries_of_their_own() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let first = ingestion.post("/readings", body("site")).await;
    let second = ingestion.post("/readings", body("site")).await;
    assert_ne!(id(&first), id(&second));
}

#[tokio::test]
async fn a_key_expires_some_time_after_its_time_to_live() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("IDEMPOTENCY_TTL", "1s").start().await;
    let first = id(&send(&ingestion, "key", &body("site")).await);
    assert_eq!(id(&send(&ingestion, "key", &body("site")).await), first);
    wait::within(Duration::from_secs(10), "the key is forgotten", async || {
        id(&send(&ingestion, "key", &body("site")).await) != first
    })
    .await;
    wait::within(Duration::from_secs(10), "its memory is freed", async || {
        redis.run::<Vec<String>>(&["KEYS", "*idempotency*"]).await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn keys_outlive_a_restart_of_redis_and_of_the_service() {
    let mut redis = RedisServer::start_durable().await;
    let mut ingestion = ingestion_api(&redis).start().await;
    let first = id(&send(&ingestion, "key", &body("site")).await);
    redis.kill9();
    redis.restart().await;
    ingestion.kill9();
    let ingestion = ingestion_api(&redis).start().await;
    assert_eq!(id(&send(&ingestion, "key", &body("site")).await), first);
    assert_eq!(entries(&redis).await, 1);
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_reading_retried_after_the_service_was_killed_before_responding_is_stored_once() {
    let redis = RedisServer::start().await;
    let stuck = ingestion_api(&redis).env("FAILPOINTS", "ingestion-before-answer=pause");
    let mut stuck = stuck.start().await;
    let server = crate::common::http::Http::at(stuck.base());
    let sending = tokio::spawn(async move {
        let request = server.request(Method::POST, "/readings").header("idempotency-key", "key");
        Reply::try_of(request.body(body("site"))).await
    });
    wait::until("the reading is taken", async || entries(&redis).await == 1).await;
    stuck.kill9();
    assert!(sending.await.unwrap().is_err(), "it was answered");
    let ingestion = ingestion_api(&redis).start().await;
    let retried = send(&ingestion, "key", &body("site")).await;
    let taken = redis.entries(STREAM).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(retried.json()["stream_id"], serde_json::Value::from(taken[0].id.clone()));
    let _service = consumer(&redis, 1).start().await;
    assert_each_is_stored_once(&redis, &[taken[0].id.clone()]).await;
}
