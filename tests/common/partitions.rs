//! Entries in the partitions of the stream, as any sender may append them.

use std::collections::BTreeMap;
use std::ops::Range;

use redis::pipe;
use serde_json::Value;

use super::readings::fields;
use super::redis::{Group, RedisServer};
use super::wait;

/// The key of a partition.
pub fn partition(number: u16) -> String {
    format!("energy_readings:{{{number}}}")
}

/// Appends a reading to a stream for each of these numbers. Its device is named by the stream and the number; its entry id
/// is the number alone, so that entries of all partitions have the same ids.
pub async fn append(redis: &RedisServer, stream: &str, numbers: Range<usize>) {
    let mut commands = pipe();
    for number in numbers {
        let time = format!(
            "2024-01-15T{:02}:{:02}:{:02}Z",
            number / 3600 % 24,
            number / 60 % 60,
            number % 60
        );
        let mut entry = fields(&format!("{stream}-{}", number % 5), "1500.5", &time);
        entry[1].1 = format!("{stream}/{number}");
        commands.xadd(stream, format!("{}-0", number + 1), &entry);
    }
    commands.query_async::<()>(&mut redis.connect().await).await.unwrap();
}

/// How often the reading of each device is stored.
pub async fn stored(redis: &RedisServer) -> BTreeMap<String, usize> {
    let mut stored = BTreeMap::new();
    let keys: Vec<String> = redis.run(&["KEYS", "site:*:readings"]).await;
    for key in keys {
        for member in redis.run::<Vec<String>>(&["ZRANGE", &key, "0", "-1"]).await {
            let member: Value = serde_json::from_str(&member).unwrap();
            *stored.entry(member["device_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    stored
}

/// Waits until all entries of these streams are delivered and acknowledged, and asserts that those of these numbers are
/// stored, each once.
pub async fn assert_stored_once(redis: &RedisServer, streams: &[String], numbers: Range<usize>) {
    for stream in streams {
        let settled = Group { pending: 0, lag: Some(0) };
        let what = format!("all entries of {stream} are delivered and acknowledged");
        wait::until(&what, async || redis.group_of(stream).await == settled).await;
    }
    let found = stored(redis).await;
    for stream in streams {
        for number in numbers.clone() {
            let device = format!("{stream}/{number}");
            assert_eq!(found.get(&device), Some(&1), "{device}");
        }
    }
}
