//! Redis is restored from a backup of before archived days were changed: it has all readings of then, and the archive
//! follows it.

use std::fs;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::Value;

use crate::common::archived::{Archived, readings};
use crate::common::http::Reply;
use crate::common::packed::{headers, pack, unpack_with};
use crate::common::redis::RedisServer;
use crate::common::stored::insert_members;

/// A late reading of the second archived day.
const LATE: &str = r#"{"stream_id": "77-0", "site_id": "s", "device_id": "late", "power_reading": 1.5, "timestamp": "1970-01-12T12:30:00Z", "ingested_at": "2024-01-15T10:30:00.000000"}"#;

/// Its seconds since the epoch.
const LATE_AT: f64 = 995_400.0;

/// All keys of a server with their values.
type Backup = Vec<(Vec<u8>, Vec<u8>)>;

async fn back_up(redis: &RedisServer) -> Backup {
    let mut backup = Backup::new();
    for key in redis.run::<Vec<Vec<u8>>>(&["KEYS", "*"]).await {
        let value = redis.run(&[b"DUMP".as_slice(), &key]).await;
        backup.push((key, value));
    }
    backup
}

async fn restore(redis: &RedisServer, backup: &Backup) {
    redis.run::<()>(&["FLUSHALL"]).await;
    for (key, value) in backup {
        redis.run::<()>(&[b"RESTORE".as_slice(), key, b"0", value]).await;
    }
}

/// Archived days of before a late reading was archived and another one was deleted, the backup of then, and what was
/// served of the site.
async fn changed() -> (Archived, Backup, String) {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let reader = archived.reader().await;
    let (backup, before) = (back_up(&archived.redis).await, readings(&reader, "s").await.text());
    insert_members(&archived.redis, "s", [(LATE_AT, LATE.to_owned())].into_iter()).await;
    pack(&archived.redis, &[]).await;
    delete(&archived, "s", "864001-0").await;
    archived.succeed(&["run"]).await;
    let after = readings(&reader, "s").await.text();
    assert!(after.contains("77-0") && !after.contains("864001-0"), "{after}");
    (archived, backup, before)
}

async fn delete(archived: &Archived, site: &str, id: &str) {
    let reader = archived.reader().await;
    let request = reader.request(Method::DELETE, &format!("/sites/{site}/readings/{id}"));
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 204, "{reply:?}");
}

/// The newest manifest.
fn manifest(archived: &Archived) -> (PathBuf, Value) {
    let newest = archived.files_below("manifest").pop().unwrap();
    let manifest = serde_json::from_slice(&fs::read(&newest).unwrap()).unwrap();
    (newest, manifest)
}

/// Lets a week pass for the replaced readings.
fn age(archived: &Archived) {
    let (path, mut manifest) = manifest(archived);
    for replaced in manifest["replaced"].as_array_mut().unwrap() {
        replaced["at"] = 1.into();
    }
    fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
}

#[tokio::test]
async fn a_redis_of_before_a_change_serves_the_readings_of_then() {
    let (archived, backup, before) = changed().await;
    restore(&archived.redis, &backup).await;
    let reader = archived.reader().await;
    assert_eq!(readings(&reader, "s").await.text(), before);
    let kwh = "/sites/s/aggregates?start=1970-01-11&end=1970-01-15&interval=1d";
    assert_eq!(reader.get(kwh).await.status, 200);
    let verified = archived.succeed(&["verify"]).await;
    assert!(verified.contains("8 days of sites with 192 readings"), "{verified}");
}

#[tokio::test]
async fn a_change_of_a_day_of_before_is_archived_with_the_readings_of_then() {
    let (archived, backup, before) = changed().await;
    restore(&archived.redis, &backup).await;
    insert_members(&archived.redis, "s", [(LATE_AT, LATE.to_owned())].into_iter()).await;
    pack(&archived.redis, &[]).await;
    let run = archived.succeed(&["run"]).await;
    assert_eq!(run, "1 days archived in 1 new files, 0 changed meanwhile");
    let reader = archived.reader().await;
    let (before, after) = (lines(&before), lines(&readings(&reader, "s").await.text()));
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|line| after.contains(line)));
    let verified = archived.succeed(&["verify"]).await;
    assert!(verified.contains("8 days of sites with 193 readings"), "{verified}");
}

fn lines(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap();
    body["readings"].as_array().unwrap().iter().map(Value::to_string).collect()
}

#[tokio::test]
async fn readings_that_only_a_redis_of_before_names_are_archived_again_before_they_are_forgotten() {
    let (archived, backup, before) = changed().await;
    restore(&archived.redis, &backup).await;
    let reader = archived.reader().await;
    let replaced = archived.files_below("replaced");
    age(&archived);
    for run in ["they are packed", "they are archived", "they are forgotten"] {
        archived.succeed(&["run"]).await;
        assert_eq!(readings(&reader, "s").await.text(), before, "{run}");
        archived.succeed(&["verify"]).await;
    }
    assert!(replaced.iter().all(|file| !file.exists()), "{replaced:?}");
    assert!(headers(&archived.redis, "s").await.values().all(|it| it.archived().is_some()));
}

/// So that no header names replaced readings for longer than it takes until the file is written again.
#[tokio::test]
async fn a_file_that_is_written_again_has_the_readings_of_then() {
    let (archived, backup, before) = changed().await;
    restore(&archived.redis, &backup).await;
    delete(&archived, "t", "864001-0").await;
    archived.succeed(&["run"]).await;
    age(&archived);
    archived.succeed(&["run"]).await;
    assert_eq!(archived.files_below("replaced"), Vec::<PathBuf>::new());
    assert_eq!(readings(&archived.reader().await, "s").await.text(), before);
    archived.succeed(&["verify"]).await;
}

#[tokio::test]
async fn replaced_readings_are_forgotten_after_a_week() {
    let (archived, ..) = changed().await;
    archived.succeed(&["run"]).await;
    assert!(!archived.files_below("replaced").is_empty());
    age(&archived);
    archived.succeed(&["run"]).await;
    assert_eq!(archived.files_below("replaced"), Vec::<PathBuf>::new());
    assert_eq!(manifest(&archived).1["replaced"], Value::Null);
    archived.succeed(&["verify"]).await;
}

/// Redis alone has the readings of an unpacked day, and the file of its month is written without them.
#[tokio::test]
async fn a_redis_of_before_a_day_was_unpacked_serves_it() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let reader = archived.reader().await;
    let (backup, before) = (back_up(&archived.redis).await, readings(&reader, "t").await.text());
    unpack_with(&archived.redis, &archived.url(), &["--site", "t"]).await;
    delete(&archived, "s", "864001-0").await;
    archived.succeed(&["run"]).await;
    restore(&archived.redis, &backup).await;
    assert_eq!(readings(&reader, "t").await.text(), before);
    archived.succeed(&["verify"]).await;
}

#[tokio::test]
async fn files_of_days_that_are_not_changed_keep_nothing_of_what_they_replace() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    archived.succeed(&["restore"]).await;
    archived.succeed(&["run"]).await;
    assert_eq!(archived.files_below("replaced"), Vec::<PathBuf>::new());
}
