//! However many requests fail, the log has one line a second of each kind, with the number of
//! suppressed ones.

use std::time::Instant;

use reqwest::Method;

use crate::common::http::Reply;
use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::readings::{NOON, add, fields, reading};
use crate::common::redis::{DEAD_LETTERS, RedisServer};
use crate::common::wait;

const REQUESTS: usize = 300;

/// A route, and the log line of its failed requests.
type Route = (Method, &'static str, &'static str);

/// Lines with this message.
fn lines(role: &Role, message: &str) -> Vec<serde_json::Value> {
    let log = role.stderr();
    let parsed = log.lines().filter_map(|line| serde_json::from_str(line).ok());
    parsed.filter(|line: &serde_json::Value| line["message"] == message).collect()
}

async fn ask(role: &Role, (method, path, _): &Route) -> Reply {
    let request = role.request(method.clone(), path).header("content-type", "application/json");
    Reply::of(request.body(reading("site").to_string())).await
}

async fn ask_until_a_line_comes(role: &Role, route: &Route) {
    let before = lines(role, route.2).len();
    wait::until("a line comes", async || {
        ask(role, route).await;
        lines(role, route.2).len() > before
    })
    .await;
}

/// Each request between two log lines is counted in the second.
async fn assert_quiet(role: &Role, route: &Route) {
    let (_, path, message) = route;
    ask_until_a_line_comes(role, route).await;
    let (before, started) = (lines(role, message).len(), Instant::now());
    for _ in 0..REQUESTS {
        assert_eq!(ask(role, route).await.status, 503, "{path}");
    }
    let may_be = usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
    let there_are = lines(role, message).len() - before;
    assert!(there_are <= may_be, "{path}: {there_are} lines, not {may_be}");
    ask_until_a_line_comes(role, route).await;
    let told = lines(role, message).split_off(before);
    let suppressed: u64 = told.iter().filter_map(|line| line["suppressed"].as_u64()).sum();
    let accounted_for = told.len() + usize::try_from(suppressed).unwrap();
    assert!(accounted_for >= REQUESTS, "{path}: {accounted_for} of {REQUESTS} requests");
}

#[tokio::test]
async fn requests_that_fail_because_of_redis_log_a_line_a_second_on_every_route() {
    let redis = RedisServer::prepared(&[]);
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    let post = (Method::POST, "/readings", "a reading was not accepted");
    assert_quiet(&ingestion, &post).await;
    let letters = "dead letters cannot be reached";
    for route in [
        (Method::GET, "/pipeline/dead-letters", letters),
        (Method::DELETE, "/pipeline/dead-letters/1-1", letters),
        (Method::POST, "/pipeline/dead-letters/1-1/retry", letters),
        (Method::GET, "/pipeline", "the pipeline cannot be described"),
        (Method::GET, "/metrics", "the stream cannot be described"),
        (Method::GET, "/sites", "a query failed"),
        (Method::GET, "/sites/site/readings", "a query failed"),
    ] {
        assert_quiet(&processing, &route).await;
    }
}

#[tokio::test]
async fn decisions_on_dead_letters_log_a_line_a_second() {
    let redis = RedisServer::start().await;
    let service = processing_service(&redis).start().await;
    for _ in 0..REQUESTS {
        add(&redis, "*", &fields("site", "poison", NOON)).await;
    }
    wait::until("all are dead letters", async || {
        redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await == REQUESTS
    })
    .await;
    let started = Instant::now();
    for letter in redis.entries(DEAD_LETTERS).await {
        let path = format!("/pipeline/dead-letters/{}", letter.id);
        assert_eq!(Reply::of(service.request(Method::DELETE, &path)).await.status, 204);
    }
    let may_be = usize::try_from(started.elapsed().as_secs()).unwrap() + 2;
    let there_are = lines(&service, "a dead letter was deleted").len();
    assert!((1..=may_be).contains(&there_are), "{there_are} lines, not {may_be}");
}
