//! The address of Redis and its user: IPv6 addresses in every setting, passwords as they are in
//! files, and invalid addresses, which are rejected at the start with the rule.

use std::fs;
use std::net::{Ipv6Addr, TcpListener};

use crate::common::product::{ingestion_api, launch};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::wait;

async fn assert_taken(redis: &RedisServer, settings: &[(&str, String)]) {
    let mut launch = ingestion_api(redis);
    for (variable, value) in settings {
        launch = launch.env(variable, value);
    }
    let api = launch.start().await;
    let answer = api.post("/readings", reading("site").to_string()).await;
    assert_eq!(answer.status, 201, "{settings:?}: {answer:?}\n{}", api.stderr());
    wait::until("it is ready", async || api.get("/readyz").await.status == 200).await;
}

#[tokio::test]
async fn ipv6_addresses_are_connected_to() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return; // this machine has no IPv6
    }
    // The last `--bind` counts; the test itself connects to 127.0.0.1.
    let redis = RedisServer::start_with(&["--bind", "127.0.0.1 ::1"]).await;
    for host in ["::1", "[::1]"] {
        assert_taken(&redis, &[("REDIS_HOST", host.to_owned())]).await;
    }
    let url = format!("redis://[::1]:{}", redis.port());
    assert_taken(&redis, &[("REDIS_URL", url)]).await;
}

#[tokio::test]
async fn line_ends_and_a_byte_order_mark_are_stripped_from_a_password_and_blanks_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    for (password, written) in
        [("secret", "\u{feff}secret\r\n"), ("secret", "secret\n"), (" secret ", " secret \n")]
    {
        let redis = RedisServer::start().await;
        redis
            .run::<()>(&["ACL", "SETUSER", "app", "on", &format!(">{password}"), "~*", "+@all"])
            .await;
        let url = ("REDIS_URL", format!("redis://app@127.0.0.1:{}", redis.port()));
        fs::write(&file, written).unwrap();
        let in_file = ("REDIS_PASSWORD_FILE", file.display().to_string());
        assert_taken(&redis, &[url.clone(), in_file]).await;
        assert_taken(&redis, &[url, ("REDIS_PASSWORD", written.to_owned())]).await;
    }
}

#[tokio::test]
async fn an_invalid_address_is_rejected_at_the_start_with_the_rule_and_without_passwords() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    fs::write(&file, "no certificate").unwrap();
    let file = file.to_str().unwrap();
    for (variable, value, rule) in [
        ("REDIS_HOST", "localhost:6379", "without a port"),
        ("REDIS_HOST", "redis://localhost", "without a port"),
        ("REDIS_URL", "localhost:6379", "must begin with redis://"),
        ("REDIS_URL", "redis://:s3/cret@localhost", "percent-encoded"),
        ("REDIS_URL", "redis://:s3#cret@localhost", "percent-encoded"),
        ("REDIS_URL", "redis+sentinel://:s3?cret@localhost/m", "percent-encoded"),
        ("REDIS_URL", "rediss+sentinel://:s3?cret@localhost/m", "percent-encoded"),
        ("REDIS_URL", "redis+cluster://one:1/2", "a Redis Cluster has no others"),
        ("REDIS_URL", "redis+cluster://:s3cret@one:x", "must be redis+cluster://"),
        ("REDIS_TLS_CA_FILE", file, "ca.pem has no certificate"),
    ] {
        let ended = launch(&["ingestion-api"]).env(variable, value).run().await;
        assert_eq!(ended.status.code(), Some(2), "{variable}: {ended:?}");
        assert!(ended.stderr.contains(variable), "{ended:?}");
        assert!(ended.stderr.contains(rule), "{rule}: {ended:?}");
        assert!(!ended.stderr.contains("cret"), "{ended:?}");
    }
}

#[tokio::test]
async fn settings_of_sentinels_that_cannot_be_used_are_rejected_at_the_start_by_name() {
    let password = ("REDIS_SENTINEL_PASSWORD", "s3cret");
    let file = ("REDIS_SENTINEL_PASSWORD_FILE", "/dev/null");
    let user = ("REDIS_SENTINEL_USER", "app");
    let (server, sentinels) = ("redis://one", "redis+sentinel://one/energy");
    for (url, set, rule) in [
        (server, vec![password], "REDIS_SENTINEL_PASSWORD needs a REDIS_URL"),
        (server, vec![file], "REDIS_SENTINEL_PASSWORD_FILE needs a REDIS_URL"),
        (server, vec![user], "REDIS_SENTINEL_USER needs a REDIS_URL"),
        (sentinels, vec![user], "REDIS_SENTINEL_USER needs REDIS_SENTINEL_PASSWORD"),
        (
            sentinels,
            vec![password, file],
            "REDIS_SENTINEL_PASSWORD and REDIS_SENTINEL_PASSWORD_FILE",
        ),
        ("redis+sentinel://one/energy,other", vec![], "must name one master"),
        (server, vec![("REDIS_READ_FROM", "replica")], "REDIS_READ_FROM replica needs a REDIS_URL"),
    ] {
        let mut launch = launch(&["ingestion-api"]).env("REDIS_URL", url);
        for (variable, value) in set {
            launch = launch.env(variable, value);
        }
        let ended = launch.run().await;
        assert_eq!(ended.status.code(), Some(2), "{rule}: {}", ended.stderr);
        assert!(ended.stderr.contains(rule), "{rule} is not in {}", ended.stderr);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    }
}
