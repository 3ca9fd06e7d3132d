//! The contract's request bodies: each of the 75 gets the status that the contract gives it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::files;
use crate::common::http::Reply;
use crate::common::product::{Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};

async fn post(ingestion: &Role, case: &Value) -> Reply {
    let mut request = ingestion.request(Method::POST, "/readings");
    if let Some(content_type) = case["content_type"].as_str() {
        request = request.header("content-type", content_type);
    }
    Reply::of(request.body(case["raw"].as_str().unwrap().to_owned())).await
}

/// The `type` and `loc` of each validation error of a response or a case.
fn faults(list: &Value) -> Vec<(Value, Value)> {
    let faults = list.as_array().expect("there is a list of faults").iter();
    faults.map(|fault| (fault["type"].clone(), fault["loc"].clone())).collect()
}

#[tokio::test]
async fn every_body_of_the_contract_gets_its_status() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let cases = files::ndjson("tests/data/post_cases.ndjson");
    assert_eq!(cases.len(), 75);
    for case in cases {
        let reply = post(&ingestion, &case).await;
        assert_eq!(json!(reply.status), case["expected_status"], "{case}: {reply:?}");
        assert!(!reply.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn a_rejected_body_gets_exactly_the_validation_errors_of_the_original() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let cases = files::ndjson("tests/data/post_cases.ndjson");
    for case in cases.iter().filter(|case| case.get("original_errors").is_some()) {
        let reply = post(&ingestion, case).await;
        assert_eq!(faults(&reply.json()["detail"]), faults(&case["original_errors"]), "{case}");
    }
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 0, "a rejected body left an entry");
}

#[tokio::test]
async fn an_accepted_body_is_in_the_stream_when_the_response_is_sent() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let mut ids = BTreeSet::new();
    for case in files::ndjson("tests/data/post_cases.ndjson") {
        let reply = post(&ingestion, &case).await;
        if reply.status != 201 {
            continue;
        }
        let body = reply.json();
        let id = body["stream_id"].as_str().unwrap();
        assert_eq!(body, json!({ "status": "accepted", "stream_id": id }));
        let found: Vec<(String, Vec<(String, String)>)> =
            redis.run(&["XRANGE", STREAM, id, id]).await;
        assert_eq!(found.len(), 1, "{id} is not in the stream: {case}");
        ids.insert(id.to_owned());
    }
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, ids.len());
}

#[tokio::test]
async fn a_clients_own_request_id_is_kept_also_when_it_comes_twice() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let body = reading("site").to_string();
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        let request = ingestion.request(Method::POST, "/readings").header("x-request-id", "mine-1");
        let reply = Reply::of(request.body(body.clone())).await;
        assert_eq!((reply.status, reply.header("x-request-id")), (201, "mine-1"));
        ids.insert(reply.json()["stream_id"].to_string());
    }
    assert_eq!(ids.len(), 2, "a request id must not make two readings one");
}
