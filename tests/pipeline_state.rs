//! `GET /pipeline`: the size of the backlog, the consumers, and the rates.

use serde_json::{Value, json};

use crate::common::http::Reply;
use crate::common::product::{ingestion_api, processing_service, query_api};
use crate::common::readings::{add, add_backlog, reading};
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;
use crate::common::wait;

#[tokio::test]
async fn it_reports_the_backlog_and_its_consumers() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 10, 2).await;
    redis.deliver_to("dead", 3).await;
    let query = query_api(&redis).start().await;
    let state = query.get("/pipeline").await.json();
    let stream = json!({ "length": 10, "max_length": null, "first_id": ids[0], "last_id": ids[9] });
    assert_eq!(state["stream"], stream);
    let group = &state["groups"][0];
    assert_eq!(
        [&group["name"], &group["pending"], &group["lag"]],
        [&json!("processing_group"), &json!(3), &json!(7)]
    );
    assert!(group["oldest_pending_ms"].as_u64().is_some_and(|age| age < 60_000), "{state}");
    let consumer = &group["consumers"][0];
    assert_eq!([&consumer["name"], &consumer["pending"]], [&json!("dead"), &json!(3)]);
    assert!(consumer["idle_ms"].as_u64().is_some_and(|idle| idle < 60_000), "{state}");
    assert_eq!(state["dead_letters"], 0);
    let members: Vec<_> = state.as_object().unwrap().keys().collect();
    assert_eq!(members, ["stream", "groups", "rates", "dead_letters"]);
}

#[tokio::test]
async fn it_reports_dead_letters_and_after_a_while_rates() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    let rates = processing.get("/pipeline").await.json()["rates"].clone();
    assert_eq!(rates, json!({ "ingested_1m": null, "stored_1m": null }));
    add(&redis, "*", &[("no".to_owned(), "reading".to_owned())]).await;
    wait::until("there are rates that are not 0", async || {
        ingestion.post("/readings", reading("site").to_string()).await;
        let rates = processing.get("/pipeline").await.json()["rates"].clone();
        let positive = |name: &str| rates[name].as_f64().is_some_and(|rate| rate > 0.0);
        positive("ingested_1m") && positive("stored_1m")
    })
    .await;
    wait_until_settled(&redis).await;
    let state = processing.get("/pipeline").await.json();
    assert_eq!(state["dead_letters"], 1);
    assert_eq!(state["groups"][0]["oldest_pending_ms"], Value::Null);
}

#[tokio::test]
async fn in_the_first_minute_the_rates_of_accepted_and_stored_readings_agree() {
    let redis = RedisServer::start().await;
    let service = processing_service(&redis).start().await;
    wait::until("the stream was looked at", async || {
        let metrics = service.request(reqwest::Method::GET, "/metrics");
        let text = Reply::of(metrics.header("accept", "text/plain")).await.text();
        text.contains("\nenergy_pipeline_stream_entries 0\n")
    })
    .await;
    add_backlog(&redis, 2_000, 7).await;
    wait_until_settled(&redis).await;
    let rates = wait::until_some("there are rates", async || {
        let rates = service.get("/pipeline").await.json()["rates"].clone();
        rates["ingested_1m"].as_f64().is_some_and(|rate| rate > 0.0).then_some(rates)
    })
    .await;
    assert_eq!(rates["ingested_1m"], rates["stored_1m"]);
}

#[tokio::test]
async fn it_is_empty_without_a_stream_and_503_without_redis() {
    let mut redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let state = query.get("/pipeline").await;
    assert_eq!((state.status, state.json()["groups"].clone()), (200, json!([])));
    assert_eq!(state.json()["stream"]["length"], 0);
    redis.kill9();
    let state = query.get("/pipeline").await;
    assert_eq!(state.status, 503);
    assert!(!state.detail().is_empty());
}
