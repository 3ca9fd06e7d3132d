//! Steps that several fault tests share.
#![cfg_attr(
    not(feature = "failpoints"),
    allow(dead_code, unused_imports, reason = "some of it is for tests that stop the program")
)]

use std::collections::BTreeMap;

use redis::Value;

use super::system::{System, consumer};
use crate::common::product::{Launch, ingestion_api};
use crate::common::redis::{DEAD_LETTERS, Entry, GROUP, RedisServer, STREAM};
use crate::common::stored;
use crate::common::wait;

/// Entries of one site that a fresh service reads at once.
pub const FIRST_BATCH: usize = 10;

/// The first service, delayed once when it reaches a failpoint.
pub fn delayed_at(place: &str, milliseconds: u32, redis: &RedisServer) -> Launch {
    consumer(redis, 1).env("FAILPOINTS", format!("{place}=1*sleep({milliseconds})"))
}

/// A system whose services may not be ready.
pub async fn unready_system(redis: RedisServer, consumers: usize) -> System {
    let ingestion = ingestion_api(&redis).start().await;
    let mut processing = Vec::new();
    for n in 1..=consumers {
        processing.push(consumer(&redis, n).start().await);
    }
    System::of(redis, ingestion, processing)
}

/// Waits until this number of entries is pending.
pub async fn wait_until_pending(redis: &RedisServer, entries: usize) {
    let entries = entries as u64;
    let what = format!("{entries} entries are pending");
    wait::until(&what, async || redis.group().await.pending == entries).await;
}

/// Waits until at least this number of readings is stored.
pub async fn wait_until_stored(redis: &RedisServer, readings: usize) {
    let what = format!("{readings} readings are stored");
    wait::until(&what, async || stored::count(redis).await >= readings).await;
}

/// The reasons of all dead letters, by the ids of their entries; the test fails when an entry has
/// two.
pub async fn dead_letter_reasons(redis: &RedisServer) -> BTreeMap<String, String> {
    // As bytes: the fields of a dead letter may be any bytes.
    let dead_letters: Vec<(String, Fields)> = redis.run(&["XRANGE", DEAD_LETTERS, "-", "+"]).await;
    let mut dead_letter_reasons = BTreeMap::new();
    for (_, mut fields) in dead_letters {
        let mut text = |name: &[u8]| String::from_utf8(fields.remove(name).unwrap()).unwrap();
        let (id, reason) = (text(b"original_id"), text(b"reason"));
        assert!(
            dead_letter_reasons.insert(id.clone(), reason).is_none(),
            "{id} is a dead letter twice"
        );
    }
    dead_letter_reasons
}

/// A field of a dead letter.
pub fn field(dead_letter: &Entry, name: &str) -> String {
    let found = dead_letter.fields.iter().find(|(n, _)| n == name);
    found.unwrap_or_else(|| panic!("no {name} in {dead_letter:?}")).1.clone()
}

/// The consumers of the group and how many entries are pending for each.
pub async fn consumers(redis: &RedisServer) -> BTreeMap<String, u64> {
    let reply: Vec<BTreeMap<String, Value>> =
        redis.run(&["XINFO", "CONSUMERS", STREAM, GROUP]).await;
    let text = |value: &Value| redis::from_redis_value_ref::<String>(value).unwrap();
    let number = |value: &Value| redis::from_redis_value_ref::<u64>(value).unwrap();
    reply.iter().map(|consumer| (text(&consumer["name"]), number(&consumer["pending"]))).collect()
}

/// A field of `INFO`.
pub async fn info(redis: &RedisServer, name: &str) -> String {
    let info: String = redis.run(&["INFO"]).await;
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {info}")).to_owned()
}

/// The fields of a stream entry.
type Fields = BTreeMap<Vec<u8>, Vec<u8>>;
