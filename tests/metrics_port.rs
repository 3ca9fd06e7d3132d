//! `METRICS_PORT`: probes and metrics on a port of their own, without keys, and nothing else.

use reqwest::Method;

use crate::common::http::{Http, Reply};
use crate::common::keys::KeysFile;
use crate::common::process::Process;
use crate::common::product::{Launch, after, ingestion_api, processing_service, query_api};
use crate::common::redis::RedisServer;
use crate::common::up::up;
use crate::common::wait;

/// Starts a role; a client of its metrics.
async fn metrics(launch: Launch) -> (Process, Http) {
    let process = launch.env("METRICS_PORT", 0).start_process();
    let url = wait::until_some("the metrics' URL is printed", async || {
        after(&process.stdout(), "metrics listens on ")
    });
    let http = Http::at(&url.await);
    (process, http)
}

#[tokio::test]
async fn every_role_serves_probes_and_metrics_there_without_a_key_and_nothing_else() {
    let redis = RedisServer::start().await;
    let (keys, [_operate]) = KeysFile::with_scopes(["operate"]).await;
    let data = tempfile::tempdir().unwrap();
    let up = up(data.path()).env("REDIS_PORT", redis.port()).env("REDIS_HOST", "127.0.0.1");
    for launch in [ingestion_api(&redis), processing_service(&redis), query_api(&redis), up] {
        let (_process, http) = metrics(launch.env("API_KEYS_FILE", keys.path().display())).await;
        wait::until("it is ready", async || http.get("/readyz").await.status == 200).await;
        for path in ["/livez", "/health"] {
            assert_eq!(http.get(path).await.status, 200, "{path}");
        }
        for path in ["/metrics", "/metrics/prometheus"] {
            let request = http.request(Method::GET, path).header("accept", "application/json");
            let reply = Reply::of(request).await;
            assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
            assert!(reply.text().contains("# TYPE energy_pipeline_"), "{reply:?}");
        }
        for path in [
            "/",
            "/docs",
            "/openapi.json",
            "/pipeline",
            "/sites",
            "/sites/a/readings",
            "/pipeline/dead-letters",
        ] {
            assert_eq!(http.get(path).await.status, 404, "{path}");
        }
        assert_eq!(http.post("/readings", "{}").await.status, 404);
    }
}

#[tokio::test]
async fn a_host_of_another_name_is_rejected_on_loopback_there_too() {
    let redis = RedisServer::start().await;
    let (_process, http) = metrics(ingestion_api(&redis)).await;
    let request = http.request(Method::GET, "/metrics").header("host", "evil.example");
    assert_eq!(Reply::of(request).await.status, 421);
}
