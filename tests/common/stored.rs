//! The readings that are stored in Redis, in its tiers.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::redis::{DEAD_LETTERS, Group, RedisServer};
use super::{tiers, wait};

/// A member of a site's sorted set.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub text: String,
    pub score: f64,
}

/// The sorted set of a site, in the order of Redis.
pub async fn members(redis: &RedisServer, site: &str) -> Vec<Member> {
    let key = format!("site:{site}:readings");
    let members: Vec<(String, f64)> = redis.run(&["ZRANGE", &key, "0", "-1", "WITHSCORES"]).await;
    members.into_iter().map(|(text, score)| Member { text, score }).collect()
}

/// The number of stored readings of all sites, in whatever tier.
pub async fn count(redis: &RedisServer) -> usize {
    tiers::all(redis).await.iter().map(|site| site.union().len()).sum()
}

/// Waits until every entry of the stream is delivered and acknowledged.
pub async fn wait_until_settled(redis: &RedisServer) {
    let settled = Group { pending: 0, lag: Some(0) };
    wait::until("all entries are delivered and acknowledged", async || {
        redis.group().await == settled
    })
    .await;
}

/// Waits until the stream is processed, and asserts the guarantee: each of these entries is stored
/// once, and there is no other reading and no dead letter.
pub async fn assert_each_is_stored_once(redis: &RedisServer, ids: &[String]) {
    wait_until_settled(redis).await;
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for site in tiers::all(redis).await {
        for member in site.union() {
            let member: Value = serde_json::from_str(member).unwrap();
            let id = member["stream_id"].as_str().unwrap().to_owned();
            *found.entry(id).or_default() += 1;
        }
    }
    let lost: Vec<_> = ids.iter().filter(|id| !found.contains_key(*id)).collect();
    assert!(lost.is_empty(), "{} of {} are lost, as {}", lost.len(), ids.len(), lost[0]);
    let doubled: Vec<_> = found.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "stored more than once: {doubled:?}");
    assert_eq!(found.len(), ids.len(), "readings are stored that were never sent");
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 0, "dead letters");
}

/// A member as it is stored, the n-th of its site: a second after the one before.
pub fn member(site: &str, n: usize) -> String {
    let timestamp = chrono::DateTime::from_timestamp_secs(i64::try_from(n).unwrap()).unwrap();
    format!(
        r#"{{"stream_id": "{}-0", "site_id": "{site}", "device_id": "meter", "power_reading": 1500.5, "timestamp": "{}", "ingested_at": "2024-01-15T10:30:00.123456"}}"#,
        n + 1,
        timestamp.format("%Y-%m-%dT%H:%M:%SZ"),
    )
}

/// Inserts members into Redis directly, without the pipeline.
pub async fn insert(redis: &RedisServer, site: &str, which: Range<usize>) {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let members = which.map(|n| (n as f64, member(site, n)));
    insert_members(redis, site, members).await;
}

/// Inserts readings as if they had been accepted in this order, without the pipeline.
pub async fn insert_readings(redis: &RedisServer, readings: &[Value]) {
    let mut sites: BTreeMap<&str, Vec<(f64, String)>> = BTreeMap::new();
    for (n, reading) in readings.iter().enumerate() {
        let timestamp = reading["timestamp"].as_str().unwrap();
        let instant = chrono::DateTime::parse_from_rfc3339(timestamp).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "exact in this century")]
        let score = instant.timestamp_micros() as f64 / 1e6;
        let mut member = reading.clone();
        member["stream_id"] = format!("{}-0", 1_700_000_000_000 + n).into();
        member["ingested_at"] = "2024-01-15T10:30:00.123456".into();
        let site = reading["site_id"].as_str().unwrap();
        sites.entry(site).or_default().push((score, member.to_string()));
    }
    for (site, members) in sites {
        insert_members(redis, site, members.into_iter()).await;
    }
}

/// Inserts members into Redis directly, without the pipeline.
pub async fn insert_members(
    redis: &RedisServer,
    site: &str,
    members: impl Iterator<Item = (f64, String)>,
) {
    let key = format!("site:{site}:readings");
    let mut connection = redis.connect().await;
    let members: Vec<_> = members.collect();
    for chunk in members.chunks(5_000) {
        let added: usize =
            redis::cmd("ZADD").arg(&key).arg(chunk).query_async(&mut connection).await.unwrap();
        assert_eq!(added, chunk.len());
    }
}
