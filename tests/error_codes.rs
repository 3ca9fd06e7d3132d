//! Every error body has a `code` for programs and the id of its request, beside the sentence
//! `detail`.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::common::documents::{ROLES, document};
use crate::common::http::Reply;
use crate::common::product::{ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;

/// The code of an error body, which names its request and is documented.
fn code(reply: &Reply) -> String {
    let body = reply.json();
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["detail", "code", "request_id"], "{reply:?}");
    assert_eq!(body["request_id"], reply.header("x-request-id"), "{reply:?}");
    let code = body["code"].as_str().unwrap().to_owned();
    for role in ROLES {
        let documented = &document(role)["components"]["schemas"]["ErrorCode"];
        assert!(documented["enum"].as_array().unwrap().contains(&body["code"]), "{role}: {code}");
        assert!(documented["description"].as_str().unwrap().contains(&format!("`{code}`")));
    }
    code
}

async fn code_of(request: RequestBuilder) -> (u16, String) {
    let reply = Reply::of(request).await;
    (reply.status, code(&reply))
}

#[tokio::test]
async fn each_cause_has_a_code_of_its_own() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    let post = |body: String| ingestion.request(Method::POST, "/readings").body(body);
    let delete = |path: &str| processing.request(Method::DELETE, path);
    for (request, status, code) in [
        (post("{}".to_owned()), 422, "validation_failed"),
        (post(" ".repeat(65_537)), 413, "body_too_large"),
        (ingestion.request(Method::GET, "/nope"), 404, "not_found"),
        (ingestion.request(Method::GET, "/readings"), 405, "method_not_allowed"),
        (delete("/pipeline/dead-letters/5-0"), 404, "dead_letter_not_found"),
        (delete("/pipeline/dead-letters/%FF"), 422, "validation_failed"),
        (processing.request(Method::GET, "/sites//readings"), 404, "not_found"),
        (processing.request(Method::GET, "/sites/unknown"), 404, "site_not_found"),
        (delete("/sites/s/readings/5-0"), 404, "reading_not_found"),
        (delete("/sites/s/readings?start=0&end=1"), 404, "site_not_found"),
        (delete("/sites/s/readings"), 422, "validation_failed"),
    ] {
        assert_eq!(code_of(request).await, (status, code.to_owned()));
    }
}

#[tokio::test]
async fn responses_to_what_is_no_request_have_a_code_too() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let long = "a".repeat(70_000);
    for (sent, expected) in [
        ("nonsense\r\n\r\n".to_owned(), "malformed_request"),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), "malformed_request"),
        (format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), "uri_too_long"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n"), "headers_too_large"),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n\
             0\r\n\r\n"
                .to_owned(),
            "unsupported_transfer_coding",
        ),
    ] {
        let mut connection = ingestion.raw().await;
        connection.send(&sent).await;
        assert_eq!(code(&connection.reply().await), expected, "{}", &sent[..20.min(sent.len())]);
    }
}

#[tokio::test]
async fn an_outcome_is_unknown_only_of_a_change_that_redis_was_sent() {
    let mut redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    let body = reading("site").to_string();
    let post = || ingestion.request(Method::POST, "/readings").body(body.clone());
    let retry = || processing.request(Method::POST, "/pipeline/dead-letters/5-0/retry");
    let get = |path: &str| processing.request(Method::GET, path);
    assert_eq!(Reply::of(post()).await.status, 201, "it is connected");
    // Before a connection exists nothing is sent.
    assert_eq!(Reply::of(retry()).await.status, 404, "it is connected");
    redis.signal("STOP");
    let codes = tokio::join!(
        code_of(post()),
        code_of(retry()),
        code_of(get("/sites/site/readings")),
        code_of(get("/pipeline/dead-letters")),
    );
    let of = |code: &str| (503, code.to_owned());
    let (unknown, late) = (of("outcome_unknown"), of("store_timeout"));
    assert_eq!(codes, (unknown.clone(), unknown, late.clone(), late));
    redis.signal("CONT");
}

#[tokio::test]
async fn without_redis_nothing_was_changed() {
    let redis = RedisServer::prepared(&[]);
    let ingestion = ingestion_api(&redis).start().await;
    let post = ingestion.request(Method::POST, "/readings").body(reading("site").to_string());
    assert_eq!(code_of(post).await, (503, "store_unreachable".to_owned()));
}

#[test]
fn both_documents_have_the_same_codes_in_lower_snake_case() {
    let [ingestion, processing] = ROLES.map(|role| {
        let schema = document(role)["components"]["schemas"]["ErrorCode"].clone();
        let codes = schema["enum"].as_array().unwrap().iter().map(Value::to_string);
        codes.collect::<BTreeSet<_>>()
    });
    assert_eq!(ingestion, processing);
    for code in ingestion {
        let word = code.trim_matches('"');
        assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
    }
}
