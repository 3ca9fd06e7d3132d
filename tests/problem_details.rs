//! `application/problem+json` (RFC 9457): the form of errors for clients that name it in `Accept`.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::common::batch::{self, NDJSON};
use crate::common::http::Reply;
use crate::common::product::{ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;

const PROBLEM: &str = "application/problem+json";

/// Builds a request, as often as it is sent.
type Request<'a> = &'a dyn Fn() -> RequestBuilder;

async fn sent(request: RequestBuilder, accept: &str) -> Reply {
    Reply::of(request.header("accept", accept)).await
}

/// The members that every problem has, and that it is the same error as the other form.
fn assert_same_error(problem: &Reply, plain: &Reply) -> Value {
    let (body, plain_body) = (problem.json(), plain.json());
    assert_eq!(problem.header("content-type"), PROBLEM, "{problem:?}");
    assert_eq!(plain.header("content-type").split(';').next(), Some("application/json"));
    assert_eq!((problem.status, &body["code"]), (plain.status, &plain_body["code"]));
    assert_eq!((&body["type"], &body["status"]), (&json!("about:blank"), &json!(plain.status)));
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{body}");
    assert_eq!(body["request_id"], problem.header("x-request-id"));
    match &plain_body["detail"] {
        Value::Array(errors) => assert_eq!(body["errors"], json!(errors)),
        detail => assert_eq!(&body["detail"], detail),
    }
    body
}

#[tokio::test]
async fn every_kind_of_error_has_both_forms() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    let invalid = || ingestion.request(Method::POST, "/readings").body("{}");
    let not_found = || processing.request(Method::GET, "/nowhere");
    let wrong_method = || processing.request(Method::DELETE, "/health");
    let no_row = || batch::request(&ingestion, NDJSON, "{}\n");
    let foreign = || {
        let request = ingestion.request(Method::POST, "/readings").body(reading("s").to_string());
        request.header("origin", "https://example.org")
    };
    let unsupported = || batch::request(&ingestion, "text/plain", "x");
    let parameter = || processing.request(Method::GET, "/pipeline/dead-letters?limit=x");
    let requests: [(u16, Request<'_>); 7] = [
        (422, &invalid),
        (404, &not_found),
        (405, &wrong_method),
        (422, &no_row),
        (403, &foreign),
        (415, &unsupported),
        (422, &parameter),
    ];
    for (status, request) in requests {
        let plain = Reply::of(request()).await;
        assert_eq!(plain.status, status, "{plain:?}");
        let problem = sent(request(), PROBLEM).await;
        assert_same_error(&problem, &plain);
    }
    let rows = sent(no_row(), PROBLEM).await.json();
    assert_eq!((&rows["rejected"], &rows["row_errors"][0]["index"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn an_error_of_redis_keeps_retry_after() {
    let mut redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    redis.kill9();
    let post = || ingestion.request(Method::POST, "/readings").body(reading("s").to_string());
    let problem = sent(post(), PROBLEM).await;
    assert_eq!((problem.status, problem.header("content-type")), (503, PROBLEM), "{problem:?}");
    assert!(problem.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(problem.json()["title"], "Service Unavailable");
}

#[tokio::test]
async fn accept_decides_by_name_and_weight_and_a_success_is_as_always() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let json = "application/json";
    for (accept, expected) in [
        ("*/*", json),
        ("application/*", json),
        ("application/json", json),
        ("application/problem+json;q=0", json),
        ("application/problem+json;q=0.5, application/json", json),
        ("application/json, application/problem+json", PROBLEM),
        ("application/json;q=0.9, Application/Problem+JSON", PROBLEM),
    ] {
        let reply = sent(ingestion.request(Method::POST, "/readings").body("{}"), accept).await;
        let found = reply.header("content-type").split(';').next().unwrap_or_default().to_owned();
        assert_eq!((reply.status, found.as_str()), (422, expected), "{accept}");
    }
    let valid = ingestion.request(Method::POST, "/readings").body(reading("s").to_string());
    let accepted = sent(valid, PROBLEM).await;
    assert_eq!((accepted.status, &accepted.json()["status"]), (201, &json!("accepted")));
}
