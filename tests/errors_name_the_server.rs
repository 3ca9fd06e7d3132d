//! Messages about Redis name the server once and each cause once, and never a password.

use crate::common::process::Ended;
use crate::common::product::{Launch, Role, ingestion_api, launch, processing_service, query_api};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::wait;

/// A host without an address: a label of a name has at most 63 characters, so no resolver is asked.
fn no_host() -> String {
    format!("{}.example", "no-such-host".repeat(6))
}

/// Sends every request that needs Redis, and returns the log lines of the failures.
async fn failures(role: &Role) -> Vec<String> {
    for path in ["/readyz", "/sites", "/pipeline", "/pipeline/dead-letters", "/metrics"] {
        role.get(path).await;
    }
    role.post("/readings", reading("site").to_string()).await;
    let failures = || {
        let log = role.stderr();
        let lines = log.lines().filter(|line| line.contains("\"error\":"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    wait::until("it says what fails", async || !failures().is_empty()).await;
    failures()
}

fn assert_once(line: &str, texts: &[&str]) {
    for text in texts {
        assert_eq!(line.matches(text).count(), 1, "{text}: {line}");
    }
}

fn nowhere() -> (RedisServer, String) {
    let redis = RedisServer::prepared(&[]);
    let address = format!("127.0.0.1:{}", redis.port());
    (redis, address)
}

#[tokio::test]
async fn each_log_line_about_an_unavailable_server_names_it_once_and_the_cause_once() {
    let (redis, address) = nowhere();
    for launch in [ingestion_api(&redis), processing_service(&redis), query_api(&redis)] {
        let role = launch.start().await;
        let lines = failures(&role).await;
        for line in &lines {
            assert_once(line, &[&address, "Connection refused", "disconnected"]);
        }
        let log = role.stderr();
        let begun: Vec<_> = log.lines().filter(|line| line.contains("connects to Redis")).collect();
        let [line] = begun[..] else { panic!("not one line: {begun:?}") };
        assert!(line.contains("\"INFO\"") && line.contains(&address), "{line}");
    }
}

async fn commands(set: impl Fn(Launch) -> Launch) -> Vec<Ended> {
    let mut ended = Vec::new();
    for arguments in [&["reconcile"][..], &["dead-letters", "list"]] {
        ended.push(set(launch(arguments)).run().await);
    }
    ended
}

#[tokio::test]
async fn commands_name_the_server_once_and_the_cause_once() {
    let (redis, address) = nowhere();
    let set =
        |launch: Launch| launch.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port());
    for ended in commands(set).await {
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert_once(&ended.stderr, &[&address, "Connection refused"]);
    }
}

#[tokio::test]
async fn an_unresolvable_name_and_a_missing_socket_are_named() {
    let host = no_host();
    for ended in commands(|launch| launch.env("REDIS_HOST", &host)).await {
        assert_once(&ended.stderr, &[&format!("{host}:6379"), "failed to lookup address"]);
    }
    let url = "redis+unix:///no/such/redis.sock";
    for ended in commands(|launch| launch.env("REDIS_URL", url)).await {
        assert_once(&ended.stderr, &["/no/such/redis.sock", "No such file"]);
    }
}

#[tokio::test]
async fn a_failed_login_names_the_server_and_never_the_password() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["CONFIG", "SET", "requirepass", "right"]).await;
    let address = format!("127.0.0.1:{}", redis.port());
    for (login, cause) in [(":wr0ngpass@", "WRONGPASS"), ("", "NOAUTH")] {
        let url = format!("redis://{login}{address}");
        for ended in commands(|launch| launch.env("REDIS_URL", &url)).await {
            assert_once(&ended.stderr, &[&address, cause]);
            assert!(!ended.stderr.contains("wr0ngpass"), "{}", ended.stderr);
        }
        let role = processing_service(&redis).env("REDIS_URL", &url).start().await;
        for line in failures(&role).await {
            assert_once(&line, &[&address, cause]);
        }
        assert!(!role.stderr().contains("wr0ngpass"), "{}", role.stderr());
    }
}

#[tokio::test]
async fn a_graceful_shutdown_replaces_no_connection() {
    let redis = RedisServer::start().await;
    for launch in [ingestion_api(&redis), processing_service(&redis), query_api(&redis)] {
        let mut role = launch.start().await;
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
        role.terminate();
        assert_eq!(role.exit_code().await, Some(0));
        assert!(!role.stderr().contains("connection to Redis"), "{}", role.stderr());
    }
}
