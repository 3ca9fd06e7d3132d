//! `/health`, the probes and `/metrics`, in the shapes that dashboards and platforms know from the
//! original.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::http::Reply;
use crate::common::product::{Role, ingestion_api, processing_service, query_api};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;
use crate::common::wait;

async fn metrics(role: &Role, accept: Option<&str>) -> Reply {
    let request = role.request(Method::GET, "/metrics");
    Reply::of(accept.into_iter().fold(request, |request, accept| request.header("accept", accept)))
        .await
}

#[tokio::test]
async fn health_reports_redis_and_the_consumer_group() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    wait::until("the consumer is known", async || {
        let health = processing.get("/health").await.json();
        health["consumer_group_status"].is_object()
    })
    .await;
    let health = ingestion.get("/health").await;
    assert_eq!(health.json(), json!({ "status": "healthy", "redis_connected": true }));
    let health = processing.get("/health").await.json();
    let told = ["status", "redis_connected", "consumer_name", "consumer_group"];
    let expected = [json!("healthy"), json!(true), json!("consumer-1"), json!("processing_group")];
    assert_eq!(told.map(|name| health[name].clone()), expected);
    let group = &health["consumer_group_status"];
    assert_eq!([&group["name"], &group["pending"]], [&json!("processing_group"), &json!(0)]);
}

#[tokio::test]
async fn probes_distinguish_liveness_from_readiness() {
    let redis = RedisServer::start().await;
    for launch in [ingestion_api(&redis), processing_service(&redis), query_api(&redis)] {
        let role = launch.start().await;
        assert_eq!(role.get("/livez").await.status, 200);
        assert_eq!(role.get("/readyz").await.status, 200);
    }
}

#[tokio::test]
async fn metrics_are_json_of_the_originals_shape_unless_text_is_requested() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let reply = ingestion.post("/readings", reading("site").to_string()).await;
        ids.push(reply.json()["stream_id"].clone());
    }
    wait_until_settled(&redis).await;
    for accept in [None, Some("*/*"), Some("application/json")] {
        let reply = metrics(&processing, accept).await;
        assert!(reply.header("content-type").starts_with("application/json"), "{reply:?}");
        let body = reply.json();
        assert_eq!(body["stream"]["length"], 2);
        assert_eq!(body["stream"]["first_entry"][0], ids[0]);
        assert_eq!(body["stream"]["last_entry"][0], ids[1]);
        assert_eq!(body["stream"]["last_entry"][1]["site_id"], "site");
        let group = json!({ "name": "processing_group", "consumers": 1, "pending": 0, "lag": 0 });
        assert_eq!(body["consumer_groups"], json!([group]));
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["stream", "consumer_groups"]);
    }
}

#[tokio::test]
async fn metrics_are_prometheus_text_on_request() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    for _ in 0..3 {
        ingestion.post("/readings", reading("site").to_string()).await;
    }
    wait_until_settled(&redis).await;
    for accept in [
        "text/plain",
        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    ] {
        let reply = metrics(&processing, Some(accept)).await;
        assert!(reply.header("content-type").starts_with("text/plain"), "{reply:?}");
        assert!(
            reply.text().contains("# TYPE energy_pipeline_readings_stored_total counter"),
            "{reply:?}"
        );
    }
    assert_eq!(processing.counter("energy_pipeline_readings_stored_total").await, 3);
}

#[tokio::test]
async fn metrics_of_an_empty_redis_are_not_an_error() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let reply = metrics(&query, None).await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "error": "no such key" })));
    assert_eq!(query.get("/health").await.json()["consumer_group_status"], Value::Null);
}
