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
        ("REDIS_TLS_CA_FILE", file, "ca.pem has no certificate"),
    ] {
        let ended = launch(&["ingestion-api"]).env(variable, value).run().await;
        assert_eq!(ended.status.code(), Some(2), "{variable}: {ended:?}");
        assert!(ended.stderr.contains(variable), "{ended:?}");
        assert!(ended.stderr.contains(rule), "{rule}: {ended:?}");
        assert!(!ended.stderr.contains("cret"), "{ended:?}");
    }
}
