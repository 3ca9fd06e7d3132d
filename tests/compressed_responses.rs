//! Responses to `GET` are compressed when the client asks for it.

use std::io::Read;

use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::Value;

use crate::common::http::{Http, Reply};
use crate::common::product::{ingestion_api, processing_service};
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;

const READINGS: usize = 30_000;

async fn request(server: &Http, method: Method, path: &str, accepted: &str) -> Reply {
    Reply::of(server.request(method, path).header("accept-encoding", accepted)).await
}

fn varies_by_encoding(reply: &Reply) -> bool {
    reply.headers.get_all("vary").iter().any(|value| value == "accept-encoding")
}

#[tokio::test]
async fn a_large_response_is_compressed_on_request_and_is_the_same() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).start().await;
    add_backlog(&redis, READINGS, 1).await;
    wait_until_settled(&redis).await;
    let path = "/sites/site-0/readings";
    let plain = processing.get(path).await;
    assert_eq!(plain.json()["readings"].as_array().unwrap().len(), READINGS);
    assert!(!plain.headers.contains_key("content-encoding"));
    assert!(varies_by_encoding(&plain), "{:?}", plain.headers);
    let compressed = request(&processing, Method::GET, path, "deflate, gzip;q=0.8").await;
    assert_eq!(compressed.header("content-encoding"), "gzip");
    assert!(varies_by_encoding(&compressed), "{:?}", compressed.headers);
    let mut decoded = Vec::new();
    GzDecoder::new(&compressed.body[..]).read_to_end(&mut decoded).unwrap();
    assert!(decoded == plain.body, "the decoded response differs");
    assert!(compressed.body.len() * 5 < plain.body.len(), "{}", compressed.body.len());
    let head = request(&processing, Method::HEAD, path, "gzip").await;
    assert_eq!((head.status, head.header("content-encoding")), (200, "gzip"));
    assert!(head.body.is_empty() && !head.headers.contains_key("content-length"));
}

#[tokio::test]
async fn small_responses_and_errors_are_sent_as_they_are() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    for path in ["/health", "/nope"] {
        let reply = request(&ingestion, Method::GET, path, "gzip").await;
        assert!(!reply.headers.contains_key("content-encoding"), "{reply:?}");
        assert!(reply.json()["status"] != Value::Null || reply.json()["code"] != Value::Null);
    }
    let metrics = ingestion.request(Method::GET, "/metrics").header("accept", "text/plain");
    let metrics = Reply::of(metrics.header("accept-encoding", "gzip")).await;
    assert_eq!(metrics.header("content-encoding"), "gzip");
}
