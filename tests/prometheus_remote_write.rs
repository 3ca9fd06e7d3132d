//! Debian's Prometheus, unchanged, sends what it scrapes; nothing is lost and nothing stored twice, whatever fails meanwhile.

use std::process::Command;

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::common::http::Http;
use crate::common::process::Process;
use crate::common::product::{Launch, ingestion_api, processing_service};
use crate::common::redis::{DEAD_LETTERS, RedisServer, free_port};
use crate::common::stored::{members, wait_until_settled};
use crate::common::wait;

/// A plug whose power is another with each scrape: 1 W, 2 W, and so on.
struct Exporter {
    address: String,
    serving: JoinHandle<()>,
}

impl Exporter {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            for watts in 1_u32.. {
                let (client, _) = listener.accept().await.unwrap();
                serve(client, watts).await;
            }
        });
        Self { address, serving }
    }

    /// From now on scrapes fail.
    async fn stop(&mut self) {
        self.serving.abort();
        // Err: it was aborted.
        let _ = (&mut self.serving).await;
    }
}

/// Answers one scrape.
async fn serve(mut client: TcpStream, watts: u32) {
    let body = format!("plug_watts{{device=\"plug\"}} {watts}\nother 1\n");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n";
    let response = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    // Err: the scraper has gone.
    let _ = client.read(&mut [0; 4_096]).await;
    let _ = client.write_all(response.as_bytes()).await;
}

/// Prometheus in a directory of its own.
struct Prometheus {
    http: Http,
    _process: Process,
    _directory: TempDir,
}

impl Prometheus {
    /// Scrapes the exporter five times a second, and sends to this URL.
    async fn start(exporter: &Exporter, url: &str) -> Self {
        let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
        let file = directory.path().join("prometheus.yml");
        let configuration = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, external_labels: {{site: house-01}}}}\n\
             scrape_configs: [{{job_name: plugs, static_configs: [{{targets: ['{}']}}]}}]\n\
             remote_write: [{{url: '{url}', queue_config: {{batch_send_deadline: 200ms, max_backoff: 500ms}}}}]\n",
            exporter.address
        );
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--log.level=warn");
        let process = Process::start("prometheus", &mut command);
        let http = Http::at(&format!("http://127.0.0.1:{port}"));
        wait::until("Prometheus is ready", async || {
            let ready = http.request(Method::GET, "/-/ready").send().await;
            ready.is_ok_and(|ready| ready.status() == 200)
        })
        .await;
        Self { http, _process: process, _directory: directory }
    }
}

/// A service on a port that it has again after a restart.
fn service(redis: &RedisServer, port: u16) -> Launch {
    ingestion_api(redis).env("REMOTE_WRITE_METRICS", "plug_watts=W").env("INGESTION_PORT", port)
}

/// The samples that Prometheus has scraped: milliseconds since the Unix epoch, and watts.
async fn scraped(prometheus: &Prometheus) -> Vec<(i64, f64)> {
    let reply = prometheus.http.get("/api/v1/query?query=plug_watts[1h]").await.json();
    let samples = reply["data"]["result"][0]["values"].as_array().cloned().unwrap_or_default();
    let sample = |sample: Value| {
        let text = sample[0].to_string();
        let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let milliseconds = format!("{seconds}{fraction:0<3}").parse().unwrap();
        (milliseconds, sample[1].as_str().unwrap().parse().unwrap())
    };
    samples.into_iter().map(sample).collect()
}

/// The readings that are stored, as samples.
async fn stored(redis: &RedisServer) -> Vec<(i64, f64)> {
    let stored = members(redis, "house-01").await.into_iter().map(|member| {
        let member: Value = serde_json::from_str(&member.text).unwrap();
        assert_eq!(member["device_id"], "plug");
        let timestamp = member["timestamp"].as_str().unwrap();
        let instant = chrono::DateTime::parse_from_rfc3339(timestamp).unwrap();
        (instant.timestamp_millis(), member["power_reading"].as_f64().unwrap())
    });
    stored.collect()
}

/// Waits until Prometheus has scraped further samples.
async fn wait_for_samples(prometheus: &Prometheus, count: usize) {
    let until = scraped(prometheus).await.len() + count;
    wait::until("Prometheus scrapes", async || scraped(prometheus).await.len() >= until).await;
}

async fn wait_until_all_are_stored(prometheus: &Prometheus, redis: &RedisServer) {
    let last = scraped(prometheus).await.last().copied();
    wait::until("the last sample is stored", async || stored(redis).await.last().copied() >= last)
        .await;
}

#[tokio::test]
async fn samples_are_stored_once_each_whatever_fails_meanwhile() {
    let mut redis = RedisServer::start_durable().await;
    let _processing = processing_service(&redis).start().await;
    let port = free_port();
    let mut ingestion = service(&redis, port).start().await;
    let mut exporter = Exporter::start().await;
    let prometheus =
        Prometheus::start(&exporter, &format!("http://127.0.0.1:{port}/api/v1/write")).await;
    wait::until("Prometheus sends", async || !stored(&redis).await.is_empty()).await;
    for _ in 0..3 {
        ingestion.kill9();
        wait_for_samples(&prometheus, 5).await;
        ingestion = service(&redis, port).start().await;
        wait_until_all_are_stored(&prometheus, &redis).await;
    }
    redis.kill9();
    wait_for_samples(&prometheus, 10).await;
    redis.restart().await;
    wait_until_all_are_stored(&prometheus, &redis).await;
    exporter.stop().await;
    wait_until_all_are_stored(&prometheus, &redis).await;
    wait_until_settled(&redis).await;
    assert_eq!(stored(&redis).await, scraped(&prometheus).await);
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 0, "dead letters");
    let unavailable = ingestion.counter("energy_pipeline_readings_unavailable_total").await;
    assert!(unavailable > 0, "no sample was sent while Redis was away");
}
