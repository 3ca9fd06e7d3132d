//! Whichever command is the last in the append-only file: entries acknowledged in it are stored in
//! it.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::Path;

use redis::Value;

use super::support::rng::Rng;
use super::support::system::System;
use crate::common::redis::{DEAD_LETTERS, GROUP, RedisServer, STREAM};
use crate::common::stored;

const CUTS: usize = 20;

/// The file that commands are appended to.
pub(super) const APPENDED: &str = "appendonlydir/appendonly.aof.1.incr.aof";

#[tokio::test]
async fn in_every_prefix_of_the_append_only_file_what_is_acknowledged_is_stored() {
    let mut system = System::start(2).await;
    let producer = system.producer().poison(system.redis.port(), 20).start();
    producer.wait_for_more(600).await;
    let [_, directory]: [String; 2] = system.redis.run(&["CONFIG", "GET", "dir"]).await;
    system.redis.kill9();
    drop(producer.stop().await);
    let length = fs::metadata(Path::new(&directory).join(APPENDED)).unwrap().len();
    let (mut rng, mut seen_pending, mut seen_done) = (Rng::seeded(7), 0, 0);
    for _ in 0..CUTS {
        let cut = tempfile::tempdir().unwrap();
        copy(Path::new(&directory), cut.path());
        let file = OpenOptions::new().write(true).open(cut.path().join(APPENDED)).unwrap();
        file.set_len(rng.between(length / 10, length)).unwrap();
        let redis = RedisServer::start_with(&["--dir", cut.path().to_str().unwrap()]).await;
        let (done, pending) = assert_done_is_kept(&redis).await;
        seen_done += done;
        seen_pending += pending;
    }
    assert!(seen_done > 0 && seen_pending > 0, "no cut came between reading and acknowledging");
}

/// Asserts that each delivered entry that is not pending is stored or a dead letter; returns the
/// number of these entries and of the pending ones.
async fn assert_done_is_kept(redis: &RedisServer) -> (usize, usize) {
    let Some(newest) = last_delivered(redis).await else { return (0, 0) };
    let delivered: Vec<(String, Value)> = redis.run(&["XRANGE", STREAM, "-", &newest]).await;
    let pending: Vec<(String, Value, Value, Value)> =
        redis.run(&["XPENDING", STREAM, GROUP, "-", "+", "100000"]).await;
    let pending: BTreeSet<_> = pending.into_iter().map(|(id, ..)| id).collect();
    let kept = kept(redis).await;
    let done: Vec<_> =
        delivered.into_iter().map(|(id, _)| id).filter(|id| !pending.contains(id)).collect();
    let lost: Vec<_> = done.iter().filter(|id| !kept.contains(*id)).collect();
    assert!(lost.is_empty(), "acknowledged and not stored: {lost:?}");
    (done.len(), pending.len())
}

/// The ids of stored entries and of dead letters.
async fn kept(redis: &RedisServer) -> BTreeSet<String> {
    let keys: Vec<String> = redis.run(&["KEYS", "site:*:readings"]).await;
    let mut kept = BTreeSet::new();
    for key in keys {
        let site = key.trim_start_matches("site:").trim_end_matches(":readings");
        for member in stored::members(redis, site).await {
            let member: serde_json::Value = serde_json::from_str(&member.text).unwrap();
            kept.insert(member["stream_id"].as_str().unwrap().to_owned());
        }
    }
    for dead_letter in redis.entries(DEAD_LETTERS).await {
        kept.extend(
            dead_letter.fields.into_iter().filter(|(n, _)| n == "original_id").map(|(_, v)| v),
        );
    }
    kept
}

/// `None` when the group is not created yet.
async fn last_delivered(redis: &RedisServer) -> Option<String> {
    if !redis.run::<bool>(&["EXISTS", STREAM]).await {
        return None;
    }
    let groups: Vec<std::collections::HashMap<String, Value>> =
        redis.run(&["XINFO", "GROUPS", STREAM]).await;
    let group = groups.first()?;
    redis::from_redis_value_ref(&group["last-delivered-id"]).ok()
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
