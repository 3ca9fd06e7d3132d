//! A backup is taken, the data are destroyed and restored as docs/operations.md says: no entry
//! accepted before the backup is missing, whatever its state was.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reqwest::Method;
use tempfile::TempDir;

use crate::common::files;
use crate::common::http::{Http, Reply};
use crate::common::product::{Launch, ingestion_api, launch, processing_service};
use crate::common::readings::{NOON, add, add_backlog, fields, reading};
use crate::common::redis::{DEAD_LETTERS, RedisServer};
use crate::common::stored::{members, wait_until_settled};
use crate::common::up::Up;
use crate::common::wait;

/// The running server's data, as one file.
fn back_up(redis: &RedisServer, into: &TempDir) -> PathBuf {
    let backup = into.path().join("backup.rdb");
    let mut tool = Command::new("redis-cli");
    let tool = tool.args(["-p", &redis.port().to_string(), "--rdb", "-"]);
    let done = tool.stdout(File::create(&backup).unwrap()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    backup
}

fn restore(backup: &Path, directory: &Path) -> Output {
    let mut script = Command::new(files::path("scripts/restore-redis"));
    script.arg(directory).stdin(File::open(backup).unwrap()).output().unwrap()
}

fn restore_well(backup: &Path, directory: &Path) {
    let done = restore(backup, directory);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// `reconcile` on a server, or on the private one of an `up`.
async fn assert_reconcile_finds(at: Launch, stored: usize) {
    let ended = at.run().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    for told in [format!("{stored} stored"), "0 missing".to_owned()] {
        assert!(ended.stderr.contains(&told), "{ended:?}");
    }
}

fn reconcile(redis: &RedisServer) -> Launch {
    launch(&["reconcile"]).env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port())
}

/// The ids of a site's readings, by the query.
async fn served(processing: &Http, site: &str) -> Vec<String> {
    let reply = processing.get(&format!("/sites/{site}/readings")).await;
    if reply.status != 200 {
        return Vec::new();
    }
    let readings = reply.json()["readings"].as_array().unwrap().clone();
    readings.iter().map(|reading| reading["stream_id"].as_str().unwrap().to_owned()).collect()
}

async fn send_with_key(ingestion: &Http, key: &str) -> Reply {
    let request = ingestion.request(Method::POST, "/readings").header("idempotency-key", key);
    let request = request.header("content-type", "application/json");
    Reply::of(request.body(reading("keyed").to_string())).await
}

#[tokio::test]
async fn stored_pending_unread_and_dead_lettered_entries_survive_backup_and_restore() {
    let (mut redis, kept) = (RedisServer::start().await, tempfile::tempdir().unwrap());
    let stored = add_backlog(&redis, 300, 3).await;
    let ingestion = ingestion_api(&redis).start().await;
    let accepted = send_with_key(&ingestion, "k-1").await;
    assert_eq!(accepted.status, 201);
    add(&redis, "*", &fields("site-0", "no number", NOON)).await;
    let processing = processing_service(&redis).start().await;
    wait_until_settled(&redis).await;
    drop(processing);
    let waiting = add_backlog(&redis, 90, 3).await;
    redis.deliver_to("a-dead-consumer", 30).await;
    let backup = back_up(&redis, &kept);

    drop(ingestion);
    redis.kill9();
    fs::remove_dir_all(redis.directory().join("appendonlydir")).unwrap();
    restore_well(&backup, redis.directory());
    redis.restart().await;

    let processing = processing_service(&redis).env("CLAIM_MIN_IDLE_MS", 1_000).start().await;
    wait_until_settled(&redis).await;
    let mut served_ids = Vec::new();
    for site in ["site-0", "site-1", "site-2"] {
        served_ids.extend(served(&processing, site).await);
    }
    served_ids.sort_unstable();
    let mut sent: Vec<_> = [stored, waiting].concat();
    sent.sort_unstable();
    assert_eq!(served_ids, sent);
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 1);
    assert_reconcile_finds(reconcile(&redis), 391).await;
    let ingestion = ingestion_api(&redis).start().await;
    assert_eq!(send_with_key(&ingestion, "k-1").await.json(), accepted.json());
    assert_eq!(members(&redis, "keyed").await.len(), 1);
}

#[tokio::test]
async fn a_backup_is_restored_into_a_running_server_that_is_stopped_at_once() {
    let (mut redis, kept) = (RedisServer::start().await, tempfile::tempdir().unwrap());
    let ids = add_backlog(&redis, 50, 1).await;
    let processing = processing_service(&redis).start().await;
    wait_until_settled(&redis).await;
    let backup = back_up(&redis, &kept);
    redis.run::<()>(&["FLUSHALL"]).await;

    restore_well(&backup, redis.directory());
    let ended = redis.try_run::<()>(&["SHUTDOWN", "NOSAVE"]).await;
    assert!(ended.is_err(), "it answers nothing any more");
    redis.restart().await;

    wait::until("all are served", async || served(&processing, "site-0").await == ids).await;
    assert_reconcile_finds(reconcile(&redis), 50).await;
    let before = fs::read_dir(redis.directory()).unwrap().map(|entry| entry.unwrap().file_name());
    let before = before.filter(|name| name.to_string_lossy().starts_with("appendonlydir.before-"));
    assert_eq!(before.count(), 1, "what was there is kept");
}

#[tokio::test]
async fn an_invalid_or_truncated_backup_changes_nothing() {
    let (redis, kept) = (RedisServer::start().await, tempfile::tempdir().unwrap());
    add_backlog(&redis, 50, 1).await;
    let whole = fs::read(back_up(&redis, &kept)).unwrap();
    let before = fs::read_dir(redis.directory()).unwrap().count();
    let half = &whole[..whole.len() / 2];
    for (bytes, said) in [(&b"site_id,device_id\n"[..], "no RDB file"), (half, "damaged")] {
        let bad = kept.path().join("bad");
        fs::write(&bad, bytes).unwrap();
        let done = restore(&bad, redis.directory());
        assert!(!done.status.success());
        assert!(String::from_utf8_lossy(&done.stderr).contains(said), "{done:?}");
    }
    assert_eq!(fs::read_dir(redis.directory()).unwrap().count(), before);
}

#[tokio::test]
async fn the_copied_directory_of_a_stopped_up_is_a_backup() {
    let (original, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut up = Up::start(original.path()).await;
    let sent = up.ingestion.post("/readings", reading("site").to_string()).await.json();
    let id = sent["stream_id"].as_str().unwrap().to_owned();
    wait::until("it is stored", async || served(&up.processing, "site").await == [id.clone()])
        .await;
    up.process.signal("TERM");
    assert_eq!(up.process.ended().await.status.code(), Some(0));
    drop(up);
    let copied = copy.path().join("data");
    let done = Command::new("cp").arg("-a").args([original.path(), &copied]).status().unwrap();
    assert!(done.success());
    original.close().unwrap();

    let again = Up::start(&copied).await;
    assert_eq!(served(&again.processing, "site").await, [id]);
    assert_reconcile_finds(launch(&["reconcile"]).env("DATA_DIR", copied.display()), 1).await;
}
