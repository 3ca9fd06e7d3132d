//! Requests at the edge of what RFC 9110 and RFC 9112 allow, and beyond it.

use std::time::Instant;

use reqwest::Method;

use crate::common::http::Reply;
use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::stored::{insert, wait_until_settled};
use crate::common::wait;

async fn answer(role: &Role, request: &str) -> Reply {
    let mut connection = role.raw().await;
    connection.send(request).await;
    connection.reply().await
}

#[tokio::test]
async fn a_malformed_request_gets_an_error_body_like_any_other() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let long = "x".repeat(1_000_000);
    let before = ingestion.counter(REQUESTS).await;
    let cases = [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n".to_owned(), 400),
        (
            "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n".to_owned(),
            400,
        ),
        (
            "POST /readings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n"
                .to_owned(),
            400,
        ),
        (format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(200)), 431),
    ];
    let answers = cases.len() as u64;
    for (request, status) in cases {
        let reply = answer(&ingestion, &request).await;
        assert_eq!(reply.status, status, "{:?}: {reply:?}", &request[..30]);
        assert_eq!(reply.header("x-request-id").len(), 32);
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("connection"), "close");
        assert!(!reply.header("date").is_empty() && !reply.detail().is_empty());
    }
    // One more: the first request of the metrics.
    assert_eq!(ingestion.counter(REQUESTS).await, before + answers + 1);
}

const REQUESTS: &str = "energy_pipeline_http_server_request_duration_seconds_count";

#[tokio::test]
async fn a_protocol_error_does_not_replace_the_previous_response() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let mut connection = ingestion.raw().await;
    connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nnonsense\r\n\r\n").await;
    let text = connection.text().await;
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("alive"), "{text}");
    assert_eq!(text.matches("HTTP/1.1 400 ").count(), 1, "{text}");
    assert_eq!(text.matches("x-request-id: ").count(), 2, "{text}");
}

#[tokio::test]
async fn a_request_has_one_host_and_no_transfer_coding_but_chunked() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let get = |line: &str| format!("GET /livez {line}Connection: close\r\n\r\n");
    let chunks = |coding: &str| {
        let body = "2\r\n{}\r\n0\r\n\r\n";
        format!(
            "POST /readings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Transfer-Encoding: {coding}\r\n\r\n{body}"
        )
    };
    for (request, status) in [
        (get("HTTP/1.1\r\nHost: localhost:8000\r\n"), 200),
        (get("HTTP/1.0\r\n"), 200),
        (get("HTTP/1.1\r\n"), 400),
        (get("HTTP/1.1\r\nHost: a\r\nHost: a\r\n"), 400),
        (get("HTTP/1.1\r\nHost: a/b\r\n"), 400),
        (chunks("chunked"), 422),
        (chunks("Chunked"), 422),
        (chunks("gzip, chunked"), 501),
        (chunks("gzip\r\nTransfer-Encoding: chunked"), 501),
    ] {
        let reply = answer(&ingestion, &request).await;
        assert_eq!(reply.status, status, "{request:?}: {reply:?}");
        assert!(!reply.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn unnecessary_percent_encoding_does_not_change_a_path() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    let body = reading("a/b").to_string();
    assert_eq!(ingestion.post("/%72%65adings", body).await.status, 201);
    wait_until_settled(&redis).await;
    for path in ["/sites/a%2Fb/readings", "/%73ites/%61%2fb/readings"] {
        let readings = processing.get(path).await.json()["readings"].as_array().unwrap().len();
        assert_eq!(readings, 1, "{path}");
    }
    assert_eq!(processing.get("/sites/a/b/readings").await.status, 404);
}

#[tokio::test]
async fn a_malformed_body_gets_a_response_at_once() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let chunked =
        "POST /readings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let sized = "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n";
    for (request, ended) in [
        (format!("{chunked}zz\r\n{{}}\r\n0\r\n\r\n"), false),
        (format!("{chunked}5\r\n{{}}\r\n\r\n"), false),
        (format!("{chunked}ffffffffffffffffff\r\n"), false),
        (format!("{chunked}2\r\n{{}}\r\n"), true),
        (format!("{sized}{{"), true),
    ] {
        let mut connection = ingestion.raw().await;
        connection.send(&request).await;
        if ended {
            connection.end_sending().await;
        }
        let sent = Instant::now();
        let reply = connection.reply().await;
        assert_eq!(reply.status, 400, "{request:?}: {reply:?}");
        assert!(sent.elapsed() < wait::AT_ONCE, "after {:?}", sent.elapsed());
    }
}

#[tokio::test]
async fn a_half_closed_connection_gets_its_response() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    let body = reading("half-closed").to_string();
    for _ in 0..100 {
        let mut connection = ingestion.raw().await;
        let head = "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: ";
        connection.send(format!("{head}{}\r\n\r\n{body}", body.len())).await;
        connection.end_sending().await;
        assert_eq!(connection.reply().await.status, 201);
    }
    wait_until_settled(&redis).await;
    for _ in 0..20 {
        let mut connection = processing.raw().await;
        connection
            .send("GET /sites/half-closed/readings HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        connection.end_sending().await;
        let reply = connection.reply().await;
        assert_eq!(reply.json()["readings"].as_array().unwrap().len(), 100);
    }
}

#[tokio::test]
async fn head_responds_as_get_without_the_body() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    assert_eq!(ingestion.post("/readings", reading("site").to_string()).await.status, 201);
    wait_until_settled(&redis).await;
    let paths = ["/livez", "/readyz", "/health", "/docs", "/openapi.json", "/readings", "/nowhere"];
    for path in paths {
        assert_head_is_get(&ingestion, path).await;
    }
    let own =
        ["/sites", "/sites/site/readings", "/sites/unknown/readings", "/metrics", "/pipeline"];
    for path in own.into_iter().chain(paths).chain(["/pipeline/dead-letters"]) {
        assert_head_is_get(&processing, path).await;
    }
}

async fn assert_head_is_get(role: &Role, path: &str) {
    let ask = async |method: &str| {
        answer(
            role,
            &format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        )
        .await
    };
    let (get, head) = (ask("GET").await, ask("HEAD").await);
    assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
    for name in ["content-type", "content-length", "allow"] {
        assert_eq!(head.headers.get(name), get.headers.get(name), "{name} of {path}");
    }
}

#[tokio::test]
async fn head_of_a_large_response_reads_its_first_page_only() {
    let redis = RedisServer::start().await;
    insert(&redis, "large", 0..20_000).await;
    let processing = processing_service(&redis).start().await;
    let key = "site:large:readings";
    let before = reads_of(&redis, key).await.len();
    let reply = Reply::of(processing.request(Method::HEAD, "/sites/large/readings")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    let commands = reads_of(&redis, key).await.split_off(before);
    assert_eq!(commands, ["ZRANGE"]);
}

/// The commands with this key, in order, without those of the service's own tasks: the check of the site index asks for the
/// cardinality of sites that it lacks, whenever it comes to them.
async fn reads_of(redis: &RedisServer, key: &str) -> Vec<String> {
    type Slow = (i64, i64, i64, Vec<String>, String, String);
    // From the first call on, every command is recorded.
    redis
        .run::<()>(&["CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "9999"])
        .await;
    let recorded: Vec<Slow> = redis.run(&["SLOWLOG", "GET", "-1"]).await;
    let commands = recorded.into_iter().rev().map(|(_, _, _, words, ..)| words);
    commands
        .filter(|words| words.iter().any(|word| word == key) && words[0] != "ZCARD")
        .map(|mut words| words.swap_remove(0))
        .collect()
}

#[tokio::test]
async fn text_metrics_respect_a_quality_of_zero() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).start().await;
    for (accept, text) in [
        ("text/plain", true),
        ("text/plain;q=0", false),
        ("text/plain; q=0.0, application/json", false),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0", true),
    ] {
        let request = processing.request(Method::GET, "/metrics").header("accept", accept);
        let reply = Reply::of(request).await;
        assert_eq!(reply.header("content-type").starts_with("text/plain"), text, "{accept}");
    }
}
