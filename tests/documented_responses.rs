//! Every response of every operation is documented, and error bodies have one shape.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::common::batch;
use crate::common::documents::{Operation, ROLES, document, operations};
use crate::common::http::{Http, Reply};
use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;

/// Both services, in the order of [`ROLES`].
async fn services(redis: &RedisServer) -> [Role; 2] {
    [ingestion_api(redis).start().await, processing_service(redis).start().await]
}

/// A valid request for an operation.
fn request(service: &Http, operation: &Operation) -> RequestBuilder {
    let request = service.request(operation.method.clone(), &operation.path_with("5-0"));
    match operation.described.get("requestBody") {
        Some(_) if operation.path == batch::PATH => request.body(format!("[{}]", reading("site"))),
        Some(_) => request.body(reading("site").to_string()),
        None => request,
    }
}

/// An error body has a sentence, from the framework and from us.
fn assert_is_problem(reply: &Reply) {
    assert!(reply.header("content-type").starts_with("application/json"), "{reply:?}");
    assert!(!reply.header("x-request-id").is_empty());
    assert!(!reply.detail().is_empty(), "{reply:?}");
    assert_eq!(reply.json()["request_id"], reply.header("x-request-id"), "{reply:?}");
}

#[tokio::test]
async fn without_redis_every_operation_responds_as_documented_and_503_has_retry_after() {
    let redis = RedisServer::prepared(&[]);
    let mut unavailable = 0;
    for (role, service) in ROLES.iter().zip(&services(&redis).await) {
        for operation in operations(&document(role)) {
            let reply = Reply::of(request(service, &operation)).await;
            assert!(operation.documents(reply.status), "{operation:?}: {reply:?}");
            if reply.status == 503 {
                unavailable += 1;
                assert_is_problem(&reply);
                assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1, "{reply:?}");
            }
        }
    }
    // All but /livez and /health: those of the Ingestion API, and of the Processing Service.
    assert_eq!(unavailable, 4 + 16);
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_405_with_those_that_it_has() {
    let redis = RedisServer::start().await;
    for (role, service) in ROLES.iter().zip(&services(&redis).await) {
        for operation in operations(&document(role)) {
            let path = operation.path_with("5-0");
            let reply = Reply::of(service.request(Method::PATCH, &path)).await;
            assert_eq!(reply.status, 405, "{path}: {reply:?}");
            assert_is_problem(&reply);
            let allowed: Vec<_> = reply.header("allow").split(", ").collect();
            assert!(allowed.contains(&operation.method.as_str()), "{path}: {allowed:?}");
        }
    }
}

#[tokio::test]
async fn a_path_that_is_not_documented_is_404() {
    let redis = RedisServer::start().await;
    for service in services(&redis).await {
        for path in ["/nope", "/sites/a/nope", "/pipeline/nope", "/readings/1"] {
            let reply = service.get(path).await;
            assert_eq!(reply.status, 404, "{path}: {reply:?}");
            assert_is_problem(&reply);
            assert_eq!(reply.json()["detail"], Value::from("Not Found"));
        }
    }
}

#[tokio::test]
async fn a_malformed_request_gets_a_response_that_every_operation_documents() {
    let redis = RedisServer::start().await;
    let long = "a".repeat(70_000);
    let coded = "Transfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0";
    for (role, service) in ROLES.iter().zip(&services(&redis).await) {
        for (status, sent) in [
            (400, "nonsense\r\n\r\n".to_owned()),
            (414, format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n")),
            (431, format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n")),
            (501, format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{coded}\r\n\r\n")),
        ] {
            let mut connection = service.raw().await;
            connection.send(&sent).await;
            let reply = connection.reply().await;
            assert_eq!(reply.status, status, "{reply:?}");
            assert_is_problem(&reply);
            for operation in operations(&document(role)) {
                assert!(operation.documents(status), "{status} of {operation:?}");
            }
        }
    }
}
