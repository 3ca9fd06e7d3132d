//! Clients that stall or send too much are disconnected and do not affect others.
//!
//! (The limits for a head and for an idle connection are unit tests of `api::server`, with a
//! simulated clock.)

use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::time::sleep;

use crate::common::http::Reply;
use crate::common::product::{ingestion_api, query_api};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::{stored, wait};

const HEAD: &str =
    "POST /readings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100\r\n";

#[tokio::test]
async fn a_stalled_body_gets_a_408_after_ten_seconds() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let mut connection = ingestion.raw().await;
    connection.send(format!("{HEAD}X-Request-Id: stalled\r\n\r\n{{\"site_id\":")).await;
    let sent = Instant::now();
    let reply = connection.reply().await;
    assert_eq!((reply.status, reply.header("x-request-id")), (408, "stalled"), "{reply:?}");
    assert!(reply.detail().contains("10 seconds"), "{reply:?}");
    assert!((9..15).contains(&sent.elapsed().as_secs()), "answered after {:?}", sent.elapsed());
}

#[tokio::test]
async fn stalled_clients_block_no_other() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let mut stalled = Vec::new();
    for n in 0..200 {
        let mut connection = ingestion.raw().await;
        let head = if n % 2 == 0 { "POST /readings HTTP/1.1\r\nHo" } else { HEAD };
        connection.send(head).await;
        stalled.push(connection);
    }
    for _ in 0..20 {
        let asked = Instant::now();
        let reply = ingestion.post("/readings", reading("site").to_string()).await;
        assert_eq!(reply.status, 201);
        assert!(asked.elapsed() < wait::AT_ONCE, "answered after {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn clients_that_stop_reading_large_responses_block_no_other() {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "large", 0..100_000).await;
    stored::insert(&redis, "other", 0..20_000).await;
    let query = query_api(&redis).start().await;
    let mut stalled = Vec::new();
    for _ in 0..40 {
        let mut connection = query.raw().await;
        connection.send(LARGE).await;
        stalled.push(connection);
    }
    for _ in 0..5 {
        let asked = Instant::now();
        let readings = query.get("/sites/other/readings").await.json();
        assert_eq!(readings["readings"].as_array().unwrap().len(), 20_000);
        assert!(asked.elapsed() < Duration::from_secs(5), "answered after {:?}", asked.elapsed());
    }
}

/// The end of a complete response.
const END: &str = "]}\r\n0\r\n\r\n";

const LARGE: &str =
    "GET /sites/large/readings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_slow_client_gets_the_whole_response_and_one_that_reads_nothing_is_disconnected() {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "large", 0..100_000).await;
    let query = query_api(&redis).start().await;
    let (mut slow, mut stalled) = (query.raw().await, query.raw().await);
    slow.send(LARGE).await;
    stalled.send(LARGE).await;
    for _ in 0..50 {
        slow.take(10_000).await; // 20 kB a second, for longer than a client may take nothing
        sleep(Duration::from_millis(500)).await;
    }
    assert!(slow.text().await.ends_with(END), "the slow client was cut off");
    assert!(!stalled.text().await.ends_with(END), "the client that took nothing was not cut off");
    wait::until("both connections are closed", async || {
        let open = query.request(Method::GET, "/metrics").header("accept", "text/plain");
        Reply::of(open).await.text().contains("\nenergy_pipeline_http_server_open_connections 1\n")
    })
    .await;
}

#[tokio::test]
async fn every_response_has_a_request_id() {
    let redis = RedisServer::prepared(&[]);
    let (ingestion, query) = (ingestion_api(&redis).start().await, query_api(&redis).start().await);
    let too_large = " ".repeat(100_000);
    for (reply, status) in [
        (ingestion.get("/livez").await, 200),
        (ingestion.get("/docs").await, 200),
        (ingestion.get("/openapi.json").await, 200),
        (ingestion.get("/unknown").await, 404),
        (ingestion.get("/readings").await, 405),
        (ingestion.post("/readings", too_large).await, 413),
        (ingestion.post("/readings", "{}").await, 422),
        (ingestion.post("/readings", reading("site").to_string()).await, 503),
        (ingestion.get("/readyz").await, 503),
        (query.get("/sites/site/readings").await, 503),
        (query.get("/metrics").await, 503),
        (query.get("/unknown").await, 404),
    ] {
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(!reply.header("x-request-id").is_empty(), "{reply:?}");
    }
}

#[tokio::test]
async fn a_request_id_with_characters_unsafe_for_the_log_is_replaced() {
    let redis = RedisServer::prepared(&[]);
    let ingestion = ingestion_api(&redis).start().await;
    for (sent, kept) in [("abc-1", true), ("two words", false), (&"x".repeat(129), false)] {
        let request = ingestion.request(Method::GET, "/livez").header("x-request-id", sent);
        let reply = Reply::of(request).await;
        assert_eq!(reply.header("x-request-id") == sent, kept, "{sent}");
    }
}
