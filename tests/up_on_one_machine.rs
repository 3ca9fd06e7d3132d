//! `energy-pipeline up`: one command, all roles on this machine, with persistent data.

use std::time::Instant;

use reqwest::Method;
use tempfile::TempDir;

use crate::common::collector::Collector;
use crate::common::http::Reply;
use crate::common::product::launch;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::up::{Up, is_alive, send, stored_ids, up, wait_until_stored};
use crate::common::wait;

/// The kind of the span of a request that is received.
const SERVER: i32 = 2;

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn up_needs_nothing_but_redis_server_and_prints_its_urls() {
    let directory = directory();
    let up = Up::start(directory.path()).await;
    let ids = send(&up.ingestion, "/readings", 3).await;
    wait_until_stored(&up.processing, &ids).await;
    for server in [&up.ingestion, &up.processing] {
        assert_eq!(server.get("/readyz").await.status, 200);
        assert_eq!(server.get("/docs").await.status, 200);
    }
}

#[tokio::test]
async fn the_pages_port_reaches_both_services() {
    let directory = directory();
    let up = Up::start(directory.path()).await;
    let ids = send(&up.page, "/api/readings", 2).await;
    wait::until("they are read back through the page's port", async || {
        stored_ids(&up.page, "/api/sites/site/readings").await == ids
    })
    .await;
    let health = up.page.get("/api/health").await.json();
    assert_eq!(
        (&health["status"], &health["consumer_group"]),
        (&"healthy".into(), &"processing_group".into())
    );
    assert_eq!(up.page.get("/api/metrics").await.json()["stream"]["length"], 2);
    assert_eq!(up.page.get("/api/readings").await.status, 405, "the Ingestion API's answer");
    assert_eq!(up.page.get("/api/sites/a%2Fb/readings").await.json()["site_id"], "a/b");
    assert_eq!(up.page.get("/api/unknown").await.status, 404);
}

/// The requests that are counted with these labels.
async fn counted(up: &Up, labels: &[&str]) -> u64 {
    let request = up.processing.request(Method::GET, "/metrics").header("accept", "text/plain");
    let text = Reply::of(request).await.text();
    let mut lines = text.lines().filter(|line| {
        line.contains("energy_pipeline_http_server_request_duration_seconds_count{")
            && labels.iter().all(|label| line.contains(label))
    });
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    lines.by_ref().map(value).sum()
}

#[tokio::test]
async fn a_request_through_the_pages_port_is_counted_and_traced_once() {
    let (directory, collector) = (directory(), Collector::start().await);
    let launch = up(directory.path()).env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http());
    let up = Up::launched(launch.env("OTEL_BSP_SCHEDULE_DELAY", 50), directory.path()).await;
    send(&up.page, "/api/readings", 1).await;
    send(&up.page, "/ingestion/readings", 1).await;
    assert_eq!(up.page.get("/api/sites/site/readings").await.status, 200);
    assert_eq!(up.page.get("/nope").await.status, 404);
    let post = r#"http_request_method="POST""#;
    assert_eq!(counted(&up, &[post]).await, 2);
    assert_eq!(counted(&up, &[post, r#"http_route="/readings""#]).await, 2);
    assert_eq!(counted(&up, &[r#"http_route="/sites/{site_id}/readings""#]).await, 1);
    assert_eq!(counted(&up, &[r#"status_code="404""#, r#"http_route="""#]).await, 1);
    let requests = || {
        let spans = collector.spans().into_iter();
        spans.filter(|span| span.span.kind == SERVER).map(|span| span.name().to_owned())
    };
    wait::until("the last span has arrived", async || requests().any(|name| name == "GET")).await;
    let mut names: Vec<_> = requests().filter(|name| !name.contains("/metrics")).collect();
    names.sort_unstable();
    assert_eq!(names, ["GET", "GET /sites/{site_id}/readings", "POST /readings", "POST /readings"]);
}

#[tokio::test]
async fn readings_accepted_just_before_the_end_are_there_after_the_next_start() {
    let directory = directory();
    let mut up = Up::start(directory.path()).await;
    let redis = up.redis_pid().await;
    let mut ids = send(&up.ingestion, "/readings", 50).await;
    up.process.signal("TERM");
    let ended = up.process.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(!is_alive(redis), "its Redis is still there");
    let again = Up::start(directory.path()).await;
    assert_eq!(again.socket, up.socket, "its address has changed");
    wait_until_stored(&again.processing, &ids).await;
    ids.extend(send(&again.ingestion, "/readings", 1).await);
    wait_until_stored(&again.processing, &ids).await;
}

#[tokio::test]
async fn ctrl_c_stops_an_idle_up_at_once() {
    let directory = directory();
    let mut up = Up::start(directory.path()).await;
    let asked = Instant::now();
    up.process.signal("INT");
    assert_eq!(up.process.ended().await.status.code(), Some(0));
    assert!(asked.elapsed() < wait::AT_ONCE, "ended after {:?}", asked.elapsed());
}

#[tokio::test]
async fn a_second_up_on_the_same_data_fails_and_the_first_keeps_running() {
    let directory = directory();
    let first = Up::start(directory.path()).await;
    let second = up(directory.path()).run().await;
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stderr.contains("another `energy-pipeline up` uses"), "{}", second.stderr);
    assert!(second.stderr.contains("--data-dir"), "{}", second.stderr);
    let ids = send(&first.ingestion, "/readings", 1).await;
    wait_until_stored(&first.processing, &ids).await;
}

#[tokio::test]
async fn two_ups_with_different_data_directories_are_independent() {
    let (one, other) = (directory(), directory());
    let (one, other) = (Up::start(one.path()).await, Up::start(other.path()).await);
    let ids = send(&one.ingestion, "/readings", 1).await;
    wait_until_stored(&one.processing, &ids).await;
    wait_until_stored(&other.processing, &[]).await;
}

#[tokio::test]
async fn a_configured_redis_is_used_and_none_is_started() {
    let redis = RedisServer::start().await;
    let directory = directory();
    let data = directory.path().join("unused");
    let launch = launch(&["--data-dir"]).arg(&data).env("REDIS_HOST", "127.0.0.1");
    let mut up = launch.env("REDIS_PORT", redis.port()).env("PATH", "").start_process();
    wait::until("it is up", async || up.stdout().contains("as configured")).await;
    wait::until("it uses the server", async || redis.run::<usize>(&["EXISTS", STREAM]).await == 1)
        .await;
    up.signal("TERM");
    assert_eq!(up.ended().await.status.code(), Some(0));
    assert!(!data.exists(), "there is a data directory for nothing");
    assert_eq!(redis.run::<String>(&["PING"]).await, "PONG");
}

#[tokio::test]
async fn up_reports_success_only_once_its_redis_is_up() {
    let mut redis = RedisServer::prepared(&[]);
    let launch = launch(&["up"]).env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port());
    let mut up = launch.start_process();
    wait::until("it says what it waits for", async || up.stdout().contains("waits for Redis"))
        .await;
    assert!(up.stdout().contains("cannot be reached"), "{}", up.stdout());
    assert!(!up.stdout().contains("is up"), "{}", up.stdout());
    redis.restart().await;
    wait::until("it says that it is up", async || up.stdout().contains("energy-pipeline is up."))
        .await;
    up.signal("TERM");
    assert_eq!(up.ended().await.status.code(), Some(0));
}

#[tokio::test]
async fn an_up_stopped_before_its_redis_is_up_never_reports_success() {
    let redis = RedisServer::prepared(&[]);
    let launch = launch(&["up"]).env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port());
    let mut up = launch.start_process();
    wait::until("it says what it waits for", async || up.stdout().contains("waits for Redis"))
        .await;
    up.signal("TERM");
    let ended = up.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(!ended.stdout.contains("is up"), "{}", ended.stdout);
}

#[tokio::test]
async fn without_redis_server_up_says_how_to_install_it() {
    let directory = directory();
    let ended = up(directory.path()).env("PATH", "").run().await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("apt-get install redis-server"), "{}", ended.stderr);
    assert!(ended.stderr.contains("brew install redis"), "{}", ended.stderr);
}

#[tokio::test]
async fn data_that_redis_cannot_read_are_reported_clearly() {
    let directory = directory();
    let append_only = directory.path().join("appendonlydir");
    std::fs::create_dir(&append_only).unwrap();
    std::fs::write(append_only.join("appendonly.aof.manifest"), "junk").unwrap();
    let ended = up(directory.path()).run().await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("redis.log"), "{}", ended.stderr);
}

#[tokio::test]
async fn data_that_cannot_be_written_are_reported_clearly() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let ended = up(file.path()).run().await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains(&file.path().display().to_string()), "{}", ended.stderr);
}
