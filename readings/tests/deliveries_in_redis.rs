//! Readings that are recognised by the delivery of their message, in a real Redis.
#![cfg(test)]

mod support;

use std::time::Duration;

use readings::store::append_batch::{AppendBatch, Appended, DeliveryKey};
use readings::store::stream::StreamPartitions;
use readings::store::{Keys, PartitionCount};
use readings::validation::parse_fields;

use self::support::redis::RedisServer;
use self::support::{shared, wait};

const PACKET: &str = "mqtt bridge 7 0";
const TTL: Duration = Duration::from_hours(1);

/// Appends a reading of a message with this delivery: how many are there of it, and how many were there before.
async fn append(stream: &StreamPartitions, key: &DeliveryKey) -> (usize, usize) {
    let mut batch = AppendBatch::default();
    let reading = parse_fields(["s", "m", "5", "2024-01-15T10:30:00Z"]).unwrap();
    batch.push_delivery(&reading.into(), key);
    let appended = stream.append_batch(&batch, "now", None, TTL).await;
    let Ok(Appended { readings, replayed, conflicts, .. }) = appended else {
        panic!("it is appended")
    };
    assert_eq!(conflicts, []);
    (readings, replayed)
}

async fn stream(redis: &RedisServer) -> StreamPartitions {
    wait::until("Redis answers", async || redis.try_run::<String>(&["PING"]).await.is_ok()).await;
    let keys = Keys::new("energy_readings", "processing_group");
    StreamPartitions::new(&keys, PartitionCount::ONE, &shared(redis))
}

#[tokio::test]
async fn a_repeated_delivery_of_the_same_message_is_not_appended_again() {
    let redis = RedisServer::start().await;
    let stream = stream(&redis).await;
    assert_eq!(append(&stream, &DeliveryKey::first(PACKET, b"5", 1)).await, (1, 0));
    for _ in 0..2 {
        assert_eq!(append(&stream, &DeliveryKey::repeated(PACKET, b"5")).await, (1, 1));
    }
    assert_eq!(redis.run::<usize>(&["XLEN", "energy_readings"]).await, 1);
}

#[tokio::test]
async fn a_first_delivery_is_a_new_message_unless_it_is_the_same_attempt() {
    let redis = RedisServer::start().await;
    let stream = stream(&redis).await;
    let first = DeliveryKey::first(PACKET, b"5", 1);
    assert_eq!(append(&stream, &first).await, (1, 0));
    assert_eq!(append(&stream, &first).await, (1, 1));
    // The broker uses the packet id again, for a message with the same content.
    assert_eq!(append(&stream, &DeliveryKey::first(PACKET, b"5", 2)).await, (1, 0));
    assert_eq!(append(&stream, &DeliveryKey::repeated(PACKET, b"5")).await, (1, 1));
    assert_eq!(redis.run::<usize>(&["XLEN", "energy_readings"]).await, 2);
}

#[tokio::test]
async fn a_repeated_delivery_whose_packet_id_belonged_to_another_message_is_appended() {
    let redis = RedisServer::start().await;
    let stream = stream(&redis).await;
    assert_eq!(append(&stream, &DeliveryKey::first(PACKET, b"5", 1)).await, (1, 0));
    let other = DeliveryKey::repeated(PACKET, b"6");
    assert_eq!(append(&stream, &other).await, (1, 0));
    assert_eq!(append(&stream, &other).await, (1, 1));
    assert_eq!(redis.run::<usize>(&["XLEN", "energy_readings"]).await, 2);
}
