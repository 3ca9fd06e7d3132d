//! `reconcile` finds entries whose readings are packed or archived.

use crate::common::packed::{headers, pack};
use crate::common::product::{launch, processing_service};
use crate::common::readings::{add, fields};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, wait_until_settled};

/// Four entries of three days, of which the first two are packed.
async fn packed() -> RedisServer {
    let redis = RedisServer::start().await;
    let service = processing_service(&redis).start().await;
    for (n, day) in [1, 1, 2, 3].into_iter().enumerate() {
        let timestamp = format!("2024-01-0{day}T10:0{n}:00Z");
        add(&redis, "*", &fields("s", "1.5", &timestamp)).await;
    }
    wait_until_settled(&redis).await;
    drop(service);
    pack(&redis, &[]).await;
    assert_eq!(stored::members(&redis, "s").await.len(), 1);
    redis
}

/// The exit code and the summary.
async fn reconcile(redis: &RedisServer, archive: &str) -> (Option<i32>, String) {
    let command = launch(&["reconcile"]).env("REDIS_HOST", "127.0.0.1");
    let command = command.env("REDIS_PORT", redis.port()).env("ARCHIVE_URL", archive);
    let ended = command.run().await;
    (ended.status.code(), ended.stderr)
}

#[tokio::test]
async fn entries_are_stored_in_whichever_tier_and_missing_in_none() {
    let redis = packed().await;
    let (code, printed) = reconcile(&redis, "").await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains(" 4 stored,") && printed.contains(" 0 missing"), "{printed}");
    // Its last day is missing, as the others are not deleted.
    redis.run::<()>(&["DEL", "site:s:readings"]).await;
    let (code, printed) = reconcile(&redis, "").await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains(" 3 stored,") && printed.contains(" 1 missing"), "{printed}");
    redis.run::<()>(&["DEL", "site:{site:s:readings}:packed", "site:{site:s:readings}:days"]).await;
    let (code, printed) = reconcile(&redis, "").await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains(" 4 of deleted sites"), "{printed}");
}

#[tokio::test]
async fn archived_entries_are_looked_for_in_the_archive_and_never_missing_without_it() {
    let redis = packed().await;
    let directory = tempfile::tempdir().unwrap();
    let url = format!("file://{}", directory.path().display());
    let archive = launch(&["archive", "run"]).env("REDIS_HOST", "127.0.0.1");
    let archive = archive.env("REDIS_PORT", redis.port()).env("ARCHIVE_URL", &url);
    let ended = archive.run().await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(headers(&redis, "s").await.values().all(|header| header.archived().is_some()));
    let (code, printed) = reconcile(&redis, &url).await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains(" 4 stored,") && printed.contains(" 0 missing"), "{printed}");
    let (code, printed) = reconcile(&redis, "").await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("ARCHIVE_URL is not set"), "{printed}");
    assert!(!printed.contains("missing"), "{printed}");
}
