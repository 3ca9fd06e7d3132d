//! Sentinels that require a password, do not know the master, or disagree on it.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::support::redis_at::RedisAt;
use super::support::system::consumer;
use crate::common::process::Process;
use crate::common::product::{Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, free_port};
use crate::common::wait;

const MASTER: &str = "energy";

/// Connections to each Sentinel after which nothing may have changed: two services open one each
/// twice a second, and the test some.
const STABLE_SAMPLES: u64 = 100;

/// A Sentinel that monitors one server.
struct Sentinel {
    port: u16,
    _process: Process,
    _directory: TempDir,
}

impl Sentinel {
    /// Monitors the server at this host and port, with further configuration.
    async fn watching(host: &str, master: u16, rules: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (port, file) = (free_port(), directory.path().join("sentinel.conf"));
        let rules = format!(
            "port {port}\nbind 127.0.0.1\nsentinel resolve-hostnames yes\n\
             sentinel announce-hostnames yes\nsentinel monitor {MASTER} {host} {master} 1\n{rules}\n"
        );
        fs::write(&file, rules).unwrap();
        let mut command = Command::new("redis-server");
        let process = Process::start("sentinel", command.arg(file).arg("--sentinel"));
        wait::until("the Sentinel answers", async || {
            let asked: redis::RedisResult<String> = RedisAt::port(port).try_run("PING").await;
            asked.is_ok_and(|pong| pong == "PONG") || refuses(port).await
        })
        .await;
        Self { port, _process: process, _directory: directory }
    }

    /// The number of its connections: the services open one for each request.
    async fn samples(&self) -> u64 {
        let stats: String = RedisAt::port(self.port).run("INFO stats").await;
        let count = |line: &str| line.strip_prefix("total_connections_received:")?.parse().ok();
        stats.lines().find_map(count).unwrap()
    }
}

async fn refuses(port: u16) -> bool {
    let asked: redis::RedisResult<String> = RedisAt::port(port).try_run("PING").await;
    asked.is_err_and(|error| error.code() == Some("NOAUTH"))
}

fn url(sentinels: &[&Sentinel], master: &str) -> String {
    let hosts: Vec<_> = sentinels.iter().map(|it| format!("127.0.0.1:{}", it.port)).collect();
    format!("redis+sentinel://{}/{master}", hosts.join(","))
}

async fn wait_until_it_says(role: &Role, text: &str) -> String {
    let line = async || {
        let log = role.stderr();
        log.lines().find(|line| line.contains(text)).map(str::to_owned)
    };
    wait::until_some(&format!("it says: {text}"), line).await
}

#[tokio::test]
async fn sentinels_that_require_a_password_are_reported_as_the_cause() {
    let redis = RedisServer::start().await;
    let sentinel = Sentinel::watching("127.0.0.1", redis.port(), "requirepass s3cret").await;
    let url = format!("redis+sentinel://:s3cret@127.0.0.1:{}/{MASTER}", sentinel.port);
    let api = ingestion_api(&redis).env("REDIS_URL", &url).start().await;
    let refused = api.post("/readings", reading("site").to_string()).await;
    assert_eq!(refused.status, 503);
    assert!(refused.detail().contains("credentials"), "{refused:?}");
    assert_eq!(api.get("/readyz").await.status, 503);
    let line = wait_until_it_says(&api, "the Sentinel requires a password").await;
    let address = format!("127.0.0.1:{}", sentinel.port);
    assert_eq!(line.matches(&address).count(), 1, "{line}");
    assert!(line.contains("redis:// or rediss://"), "{line}");
    assert!(!api.stderr().contains("s3cret"), "{}", api.stderr());
}

#[tokio::test]
async fn an_unknown_master_name_is_reported() {
    let redis = RedisServer::start().await;
    let sentinel = Sentinel::watching("127.0.0.1", redis.port(), "").await;
    let url = url(&[&sentinel], "other");
    let api = ingestion_api(&redis).env("REDIS_URL", &url).start().await;
    assert_eq!(api.post("/readings", reading("site").to_string()).await.status, 503);
    let line = wait_until_it_says(&api, "knows no master of this name").await;
    assert!(
        line.contains(&format!("Sentinel 127.0.0.1:{} (master other)", sentinel.port)),
        "{line}"
    );
}

/// Runs both services over Sentinels that disagree, until each was polled often.
async fn assert_no_reconnects(sentinels: [&Sentinel; 2], redis: &RedisServer) {
    let url = url(&sentinels, MASTER);
    let api = ingestion_api(redis).env("REDIS_URL", &url).start().await;
    let service = consumer(redis, 1).env("REDIS_URL", &url).start().await;
    for role in [&api, &service] {
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
    }
    let before = [sentinels[0].samples().await, sentinels[1].samples().await];
    wait::until("they have been asked often", async || {
        assert_eq!(api.post("/readings", reading("site").to_string()).await.status, 201);
        sentinels[0].samples().await > before[0] + STABLE_SAMPLES
            && sentinels[1].samples().await > before[1] + STABLE_SAMPLES
    })
    .await;
    for role in [&api, &service] {
        assert_eq!(
            role.counter("energy_pipeline_redis_reconnects_total").await,
            0,
            "{}",
            role.stderr()
        );
    }
}

#[tokio::test]
async fn sentinels_that_disagree_on_the_master_cause_no_reconnects() {
    let (one, two) = (RedisServer::start().await, RedisServer::start().await);
    let first = Sentinel::watching("127.0.0.1", one.port(), "").await;
    let second = Sentinel::watching("127.0.0.1", two.port(), "").await;
    assert_no_reconnects([&first, &second], &one).await;
}

#[tokio::test]
async fn sentinels_with_two_addresses_of_one_master_cause_no_reconnects() {
    let redis = RedisServer::start().await;
    let first = Sentinel::watching("127.0.0.1", redis.port(), "").await;
    let second = Sentinel::watching("localhost", redis.port(), "").await;
    assert_no_reconnects([&first, &second], &redis).await;
}
