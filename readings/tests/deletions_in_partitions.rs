//! A reading that is deleted stays deleted in whichever partition its entry is, and no reading of another site with it;
//! in a real Redis.
#![cfg(test)]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use readings::SiteId;
use readings::store::deletion::ReadingDeleter;
use readings::store::series::SeriesStore;
use readings::store::stream::StreamPartitions;
use readings::store::{Keys, PartitionCount, StreamId};

use self::support::redis::RedisServer;
use self::support::{shared, wait};

/// Belongs to partition 1 of four.
const SITE: &str = "site-001";
const OTHER: &str = "Haus 7";

async fn started() -> RedisServer {
    let redis = RedisServer::start().await;
    wait::until("Redis answers", async || redis.try_run::<String>(&["PING"]).await.is_ok()).await;
    redis
}

fn deleter(redis: &RedisServer, count: u16) -> ReadingDeleter {
    let keys = Keys::new("energy_readings", "processing_group");
    let connection = shared(redis);
    let count = PartitionCount::new(count).unwrap();
    ReadingDeleter::new(
        StreamPartitions::new(&keys, count, &connection),
        SeriesStore::new(connection),
    )
}

/// The id of an entry that was added now.
fn present_id() -> StreamId {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    StreamId { ms: u64::try_from(ms).unwrap(), seq: 0 }
}

/// Stores a reading of this entry.
async fn store(redis: &RedisServer, site: &str, id: StreamId) {
    let member = format!(
        r#"{{"stream_id": "{id}", "site_id": "{site}", "device_id": "m", "power_reading": 5.0, "timestamp": "2024-01-15T10:30:00Z", "ingested_at": "2024-01-15T10:30:00.123456"}}"#
    );
    let key = format!("site:{site}:readings");
    redis.run::<()>(&["ZADD", &key, "1705314600", &member]).await;
}

async fn add(redis: &RedisServer, stream: &str, site: &str, id: StreamId) {
    redis.run::<()>(&["XADD", stream, &id.to_string(), "site_id", site]).await;
}

/// Deletes the reading, and gives the keys of deleted ids that have its id.
async fn deleted(redis: &RedisServer, count: u16, id: StreamId) -> Vec<String> {
    let site = SiteId::new(SITE).unwrap();
    assert!(deleter(redis, count).one(&site, id).await.unwrap(), "it was stored");
    let mut keys: Vec<String> = redis.run(&["KEYS", "*:deleted"]).await;
    for key in &keys {
        assert_eq!(redis.run::<Vec<String>>(&["ZRANGE", key, "0", "-1"]).await, [id.to_string()]);
    }
    keys.sort();
    keys
}

async fn announced(redis: &RedisServer, count: &str) {
    redis.run::<()>(&["HSET", "{energy_readings}:partitions", "1", "0", count, "1000"]).await;
}

#[tokio::test]
async fn with_one_partition_the_id_is_where_the_original_stream_has_it() {
    let (redis, id) = (started().await, present_id());
    store(&redis, SITE, id).await;
    assert_eq!(deleted(&redis, 1, id).await, ["energy_readings:deleted"]);
}

#[tokio::test]
async fn the_id_is_deleted_in_the_partition_that_has_the_entry_of_the_site() {
    for (stream, deleted_ids) in [
        ("energy_readings:{1}", "energy_readings:{1}:deleted"),
        ("energy_readings", "energy_readings:deleted"),
    ] {
        let (redis, id) = (started().await, present_id());
        announced(&redis, "4").await;
        store(&redis, SITE, id).await;
        add(&redis, stream, SITE, id).await;
        for other in
            ["energy_readings", "energy_readings:{1}"].iter().filter(|other| **other != stream)
        {
            add(&redis, other, OTHER, id).await;
        }
        assert_eq!(deleted(&redis, 1, id).await, [deleted_ids], "from {stream}");
    }
}

#[tokio::test]
async fn the_id_of_a_trimmed_entry_is_deleted_wherever_it_is_not_that_of_another_site() {
    let (redis, id) = (started().await, present_id());
    announced(&redis, "4").await;
    store(&redis, SITE, id).await;
    let everywhere = deleted(&redis, 4, id).await;
    assert_eq!(everywhere, ["energy_readings:deleted", "energy_readings:{1}:deleted"]);
    redis.run::<()>(&["DEL", &everywhere[0], &everywhere[1]]).await;
    store(&redis, SITE, id).await;
    add(&redis, "energy_readings", OTHER, id).await;
    assert_eq!(deleted(&redis, 4, id).await, ["energy_readings:{1}:deleted"]);
}
