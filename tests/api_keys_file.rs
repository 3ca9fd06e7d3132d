//! The file of API keys: it is read at the start, and again when it changes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use reqwest::Method;
use serde_json::json;

use crate::common::http::Reply;
use crate::common::keys::KeysFile;
use crate::common::product::{Role, ingestion_api, launch};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::wait;

async fn status(service: &Role, key: &str) -> u16 {
    let request = service.request(Method::POST, "/readings").bearer_auth(key);
    Reply::of(request.body(reading("site").to_string())).await.status
}

async fn becomes(service: &Role, key: &str, expected: u16) {
    wait::until("the changed keys are in use", async || status(service, key).await == expected)
        .await;
}

#[tokio::test]
async fn keys_are_added_and_revoked_while_the_service_runs() {
    let redis = RedisServer::start().await;
    let (keys, [write]) = KeysFile::with_scopes(["write"]).await;
    let service = ingestion_api(&redis).env("API_KEYS_FILE", keys.path().display()).start().await;
    assert_eq!(status(&service, &write).await, 201);
    let added = keys.create(&["--name", "added", "--scope", "write"]).await;
    becomes(&service, &added, 201).await;
    assert_eq!(status(&service, &write).await, 201);
    assert!(keys.revoke("write").await.status.success());
    becomes(&service, &write, 401).await;
    assert_eq!(status(&service, &added).await, 201);
    keys.change("added", "scopes", json!(["read"]));
    becomes(&service, &added, 403).await;
}

#[tokio::test]
async fn an_invalid_change_is_logged_and_the_keys_before_it_stay_in_use() {
    let redis = RedisServer::start().await;
    let (keys, [write, operate]) = KeysFile::with_scopes(["write", "operate"]).await;
    let service = ingestion_api(&redis).env("API_KEYS_FILE", keys.path().display()).start().await;
    let valid = fs::read_to_string(keys.path()).unwrap();
    keys.change("write", "scopes", json!(["everything"]));
    wait::until("the invalid change is logged", async || {
        let log = service.stderr();
        log.contains("previous ones stay in use") && log.contains("must be write, read or operate")
    })
    .await;
    assert_eq!(status(&service, &write).await, 201);
    let request = service.request(Method::GET, "/metrics").header("accept", "text/plain");
    let text = Reply::of(request.bearer_auth(&operate)).await.text();
    let gauge =
        r#"energy_pipeline_configuration_last_reload_successful{setting="API_KEYS_FILE"} 0"#;
    assert!(text.contains(gauge), "{text}");
    keys.write(&valid.replace("\"write\"", "\"read\""));
    becomes(&service, &write, 403).await;
}

#[tokio::test]
async fn a_service_does_not_start_without_a_valid_file() {
    let keys = KeysFile::new();
    for (content, rule) in [
        (None, "must be a file that can be read"),
        (Some(""), "must be a JSON object with an array `keys`"),
        (Some(r#"{"keys":[{"name":"a"}]}"#), r#"key "a": `secret_sha256` must be there"#),
        (
            Some(r#"{"keys":[{"name":"a","secret":"enp_x"}]}"#),
            r#"key "a": must be a JSON object of known fields: unknown field `secret`"#,
        ),
    ] {
        if let Some(content) = content {
            keys.write(content);
        }
        for role in ["ingestion-api", "processing-service", "query-api", "up"] {
            let data = tempfile::tempdir().unwrap();
            let launch = launch(&[role]).env("API_KEYS_FILE", keys.path().display());
            let ended = launch.env("DATA_DIR", data.path().display()).run().await;
            assert_eq!(ended.status.code(), Some(2), "{role}: {ended:?}");
            let expected = ["API_KEYS_FILE ", rule];
            assert!(expected.iter().all(|part| ended.stderr.contains(part)), "{role}: {ended:?}");
            assert!(!ended.stderr.contains("enp_x"), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn a_file_without_keys_rejects_every_key() {
    let redis = RedisServer::start().await;
    let (keys, [write]) = KeysFile::with_scopes(["write"]).await;
    keys.write(r#"{"keys":[]}"#);
    let service = ingestion_api(&redis).env("API_KEYS_FILE", keys.path().display()).start().await;
    assert_eq!(status(&service, &write).await, 401);
}

#[tokio::test]
async fn a_file_that_other_users_may_change_is_logged() {
    let redis = RedisServer::start().await;
    let (keys, [_write]) = KeysFile::with_scopes(["write"]).await;
    for (mode, is_logged) in [(0o600, false), (0o640, false), (0o644, true), (0o660, true)] {
        fs::set_permissions(keys.path(), fs::Permissions::from_mode(mode)).unwrap();
        let service =
            ingestion_api(&redis).env("API_KEYS_FILE", keys.path().display()).start().await;
        let logged = "other users may read or change the API keys";
        if is_logged {
            wait::until("it is logged", async || service.stderr().contains(logged)).await;
        }
        assert_eq!(service.stderr().contains(logged), is_logged, "{mode:o}");
    }
}

#[tokio::test]
async fn open_access_from_other_machines_is_logged() {
    let redis = RedisServer::start().await;
    let (keys, [_write]) = KeysFile::with_scopes(["write"]).await;
    let warning = "every client that reaches this address may write, read and operate";
    let open = ingestion_api(&redis).env("LISTEN_HOST", "0.0.0.0").start().await;
    wait::until("it is logged", async || open.stderr().contains(warning)).await;
    let closed = ingestion_api(&redis).env("LISTEN_HOST", "0.0.0.0");
    let closed = closed.env("API_KEYS_FILE", keys.path().display()).start().await;
    assert!(!closed.stderr().contains(warning), "{}", closed.stderr());
}
