//! Event streams need a key that permits their site, also while they are open.

use reqwest::Method;
use serde_json::json;

use crate::common::event_stream::EventStream;
use crate::common::http::{Http, Reply};
use crate::common::keys::KeysFile;
use crate::common::product::query_api;
use crate::common::readings::{add, fields};
use crate::common::redis::RedisServer;
use crate::common::wait;

const NOON: &str = "2024-01-15T12:00:00Z";

async fn open(service: &Http, site: &str, token: &str) -> EventStream {
    let request = service.request(Method::GET, &format!("/sites/{site}/events"));
    EventStream::open(request.bearer_auth(token)).await
}

async fn status(service: &Http, site: &str, token: &str) -> u16 {
    let request = service.request(Method::GET, &format!("/sites/{site}/events"));
    Reply::of(request.bearer_auth(token)).await.status
}

#[tokio::test]
async fn a_stream_needs_read_and_its_site() {
    let redis = RedisServer::start().await;
    let (keys, [write, read]) = KeysFile::with_scopes(["write", "read"]).await;
    let house = keys.create(&["--name", "house", "--scope", "read", "--site", "house-*"]).await;
    let query = query_api(&redis).env("API_KEYS_FILE", keys.path().display()).start().await;
    assert_eq!(query.get("/sites/s/events").await.status, 401);
    assert_eq!(status(&query, "s", &write).await, 403);
    assert_eq!(status(&query, "s", &house).await, 403);
    let mut streams = [open(&query, "house-1", &read).await, open(&query, "house-1", &house).await];
    let id = add(&redis, "*", &fields("house-1", "1.5", NOON)).await;
    for stream in &mut streams {
        assert_eq!(stream.readings(1).await, std::slice::from_ref(&id));
    }
}

#[tokio::test]
async fn nothing_is_sent_after_a_key_is_revoked_or_changed() {
    let redis = RedisServer::start().await;
    let keys = KeysFile::new();
    let mut tokens = Vec::new();
    for name in ["revoked", "expired", "moved", "kept"] {
        tokens.push(keys.create(&["--name", name, "--scope", "read", "--expires", "1d"]).await);
    }
    let query = query_api(&redis).env("API_KEYS_FILE", keys.path().display()).start().await;
    let mut streams = Vec::new();
    for token in &tokens {
        streams.push(open(&query, "s", token).await);
    }
    keys.change("expired", "expires", json!("2020-01-01T00:00:00Z"));
    keys.change("moved", "sites", json!(["other"]));
    assert!(keys.revoke("revoked").await.status.success());
    for token in &tokens[..3] {
        wait::until("the file is read", async || {
            let request = query.request(Method::GET, "/sites/s/readings");
            Reply::of(request.bearer_auth(token)).await.status != 200
        })
        .await;
    }
    let id = add(&redis, "*", &fields("s", "1.5", NOON)).await;
    assert_eq!(streams.pop().unwrap().readings(1).await, [id]);
    for mut stream in streams {
        let block = stream.block().await.expect("a comment says why the stream ends");
        assert!(block.comment.unwrap().contains("API key") && block.data.is_empty());
        assert_eq!(stream.block().await, None);
    }
    let ended = "energy_pipeline_event_streams_ended_total{reason=\"key\"}";
    let request = query.request(Method::GET, "/livez");
    assert_eq!(Reply::of(request).await.status, 200);
    assert!(query.stderr().contains("an event stream was ended"), "{ended}");
}
