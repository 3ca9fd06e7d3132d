//! `GET /pipeline/receivers`: by which receivers readings come in, in all processes, and what was not accepted and why.

use serde_json::{Value, json};

use crate::common::batch;
use crate::common::http::Reply;
use crate::common::keys::KeysFile;
use crate::common::product::{Role, ingestion_api, query_api};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::remote_write::{plug, write};
use crate::common::wait;

const PATH: &str = "/pipeline/receivers";

/// Waits until the receivers have these counts: accepted, replayed, rejected and unmapped.
async fn wait_for(service: &Role, expected: &[(&str, [u64; 4])]) -> Vec<Value> {
    wait::until_some("the counts are reported", async || {
        let receivers = service.get(PATH).await.json()["receivers"].as_array().unwrap().clone();
        let counts = receivers.iter().map(|receiver| {
            let count = |name: &str| receiver[name].as_u64().unwrap();
            let counts = ["accepted", "replayed", "rejected", "unmapped"].map(count);
            (receiver["name"].as_str().unwrap(), counts)
        });
        let counts: Vec<_> = counts.collect();
        (counts == expected).then_some(receivers.clone())
    })
    .await
}

#[tokio::test]
async fn the_counts_of_all_processes_are_summed_up_by_receiver() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    assert_eq!(query.get(PATH).await.json(), json!({ "receivers": [] }));
    let (mut one, other) =
        (ingestion_api(&redis).start().await, ingestion_api(&redis).start().await);
    for service in [&one, &other, &other] {
        assert_eq!(service.post("/readings", reading("a").to_string()).await.status, 201);
    }
    assert_eq!(one.post("/readings", "{}").await.status, 422);
    let rows = json!([reading("a"), reading("b"), {}]).to_string();
    assert_eq!(other.post(batch::PATH, rows).await.status, 200);
    assert_eq!(write(&other, &[plug("up", "a", &[1.0, 2.0])]).await.status, 204);
    let expected =
        [("readings", [3, 0, 1, 0]), ("batch", [2, 0, 1, 0]), ("remote_write", [0, 0, 0, 2])];
    let receivers = wait_for(&query, &expected).await;
    assert_eq!(receivers[2]["last_accepted_at"], Value::Null);
    let unmapped = &receivers[2]["not_accepted"][0];
    assert_eq!([&unmapped["name"], &unmapped["outcome"]], ["up", "unmapped"]);
    assert_eq!(unmapped["reason"], "the metric is not in REMOTE_WRITE_METRICS");
    assert_eq!([&receivers[0]["not_accepted"][0]["reason"]], ["missing"]);
    // What a process has counted before it ends is reported.
    assert_eq!(one.post("/readings", reading("a").to_string()).await.status, 201);
    one.terminate();
    assert_eq!(one.exit_code().await, Some(0));
    wait_for(&query, &[("readings", [4, 0, 1, 0]), expected[1], expected[2]]).await;
}

#[tokio::test]
async fn readings_that_are_sent_again_are_counted_as_replayed() {
    let redis = RedisServer::start().await;
    let (ingestion, query) = (ingestion_api(&redis).start().await, query_api(&redis).start().await);
    for _ in 0..2 {
        let request = ingestion.request(reqwest::Method::POST, "/readings");
        let request = request.header("idempotency-key", "k").body(reading("a").to_string());
        assert_eq!(Reply::of(request).await.status, 201);
    }
    let receivers = wait_for(&query, &[("readings", [2, 1, 0, 0])]).await;
    let last = receivers[0]["last_accepted_at"].as_str().unwrap();
    assert!(last >= receivers[0]["since"].as_str().unwrap(), "{receivers:?}");
}

#[tokio::test]
async fn names_that_senders_chose_are_shown_to_operators_only() {
    let redis = RedisServer::start().await;
    let (keys, [read, operate]) = KeysFile::with_scopes(["read", "operate"]).await;
    let query = query_api(&redis).env("API_KEYS_FILE", keys.path().display()).start().await;
    for (key, status) in [(read, 403), (operate, 200)] {
        let request = query.request(reqwest::Method::GET, PATH).bearer_auth(key);
        assert_eq!(Reply::of(request).await.status, status);
    }
}

#[tokio::test]
async fn readings_are_accepted_where_redis_denies_the_counts() {
    let redis = RedisServer::start().await;
    // As the permissions of a release without receivers could be written.
    let keys = ["~energy_readings*", "~{energy_readings}:idempotency:*"];
    redis.run::<()>(&[&["ACL", "SETUSER", "default", "resetkeys"][..], &keys].concat()).await;
    let ingestion = ingestion_api(&redis).start().await;
    assert_eq!(ingestion.post("/readings", reading("a").to_string()).await.status, 201);
    wait::until("the log says so", async || {
        ingestion.stderr().contains("the counts of receivers are not reported")
    })
    .await;
    assert_eq!(ingestion.post("/readings", reading("a").to_string()).await.status, 201);
}
