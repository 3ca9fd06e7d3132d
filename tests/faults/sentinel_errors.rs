//! Sentinels that require a password, do not know the master, or disagree on it.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::support::redis_at::RedisAt;
use super::support::system::consumer;
use crate::common::process::Process;
use crate::common::product::{Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, free_port, program};
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
        let mut command = Command::new(program());
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

/// Asserts that a service with these settings is not ready, and that clients and log are given this reason.
async fn assert_reported(
    redis: &RedisServer,
    sentinel: &Sentinel,
    login: &[(&str, &str)],
    why: &str,
) {
    let url = format!("redis+sentinel://:s3cret@127.0.0.1:{}/{MASTER}", sentinel.port);
    let mut launch = ingestion_api(redis).env("REDIS_URL", &url);
    for (variable, value) in login {
        launch = launch.env(variable, value);
    }
    let api = launch.start().await;
    let refused = api.post("/readings", reading("site").to_string()).await;
    assert_eq!(refused.status, 503);
    assert!(refused.detail().contains(why), "{refused:?}");
    let unready = api.get("/readyz").await;
    assert_eq!(unready.status, 503);
    assert!(unready.detail().contains(why), "{unready:?}");
    let line = wait_until_it_says(&api, why).await;
    let address = format!("127.0.0.1:{}", sentinel.port);
    assert_eq!(line.matches(&address).count(), 1, "{line}");
    assert!(!api.stderr().contains("s3cret"), "{}", api.stderr());
}

#[tokio::test]
async fn a_missing_or_wrong_password_of_sentinels_is_reported_as_the_cause() {
    let redis = RedisServer::start().await;
    let sentinel = Sentinel::watching("127.0.0.1", redis.port(), "requirepass right").await;
    assert_reported(&redis, &sentinel, &[], "set REDIS_SENTINEL_PASSWORD_FILE").await;
    let wrong = [("REDIS_SENTINEL_PASSWORD", "wrong")];
    assert_reported(&redis, &sentinel, &wrong, "a Sentinel rejects the password").await;
    let user = [("REDIS_SENTINEL_PASSWORD", "right"), ("REDIS_SENTINEL_USER", "unknown")];
    assert_reported(&redis, &sentinel, &user, "a Sentinel rejects the password").await;
}

#[tokio::test]
async fn a_user_of_sentinels_needs_the_permission_to_list_masters() {
    let redis = RedisServer::start().await;
    let users = "user default off\nuser low on >pw -@all +ping +client +hello\n\
                 user app on >pw -@all +ping +client +hello +sentinel|masters";
    let sentinel = Sentinel::watching("127.0.0.1", redis.port(), users).await;
    let user = |name| [("REDIS_SENTINEL_PASSWORD", "pw"), ("REDIS_SENTINEL_USER", name)];
    assert_reported(&redis, &sentinel, &user("low"), "denies its user SENTINEL MASTERS").await;
    let [password, name] = user("app").map(|(variable, value)| (variable, value));
    let launch = ingestion_api(&redis).env(password.0, password.1).env(name.0, name.1);
    let api = launch.env("REDIS_URL", url(&[&sentinel], MASTER)).start().await;
    assert_eq!(api.post("/readings", reading("site").to_string()).await.status, 201);
}

#[tokio::test]
async fn a_password_of_sentinels_is_corrected_in_its_file_without_a_restart() {
    let redis = RedisServer::start().await;
    let sentinel = Sentinel::watching("127.0.0.1", redis.port(), "requirepass right").await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    fs::write(&file, "wrong\n").unwrap();
    let launch = ingestion_api(&redis).env("REDIS_SENTINEL_PASSWORD_FILE", file.display());
    let api = launch.env("REDIS_URL", url(&[&sentinel], MASTER)).start().await;
    assert_eq!(api.post("/readings", reading("site").to_string()).await.status, 503);
    fs::write(&file, "right\n").unwrap();
    wait::until("a reading is accepted", async || {
        api.post("/readings", reading("site").to_string()).await.status == 201
    })
    .await;
}

#[tokio::test]
async fn a_sentinel_that_denies_access_is_logged_while_another_responds() {
    let redis = RedisServer::start().await;
    let open = Sentinel::watching("127.0.0.1", redis.port(), "").await;
    let closed = Sentinel::watching("127.0.0.1", redis.port(), "requirepass right").await;
    let launch = ingestion_api(&redis).env("REDIS_URL", url(&[&open, &closed], MASTER));
    let api = launch.start().await;
    assert_eq!(api.post("/readings", reading("site").to_string()).await.status, 201);
    let line = wait_until_it_says(&api, "a Sentinel does not respond to this service").await;
    assert!(line.contains(&format!("127.0.0.1:{}", closed.port)), "{line}");
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
