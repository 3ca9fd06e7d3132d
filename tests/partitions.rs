//! A service processes all partitions of the stream, and services share each of them.

use std::collections::BTreeMap;

use crate::common::partitions::{append, assert_stored_once, partition, stored};
use crate::common::product::{Launch, processing_service};
use crate::common::redis::{GROUP, RedisServer};
use crate::common::wait;

/// Entries of each partition.
const ENTRIES: usize = 500;

fn four() -> Vec<String> {
    (0..4).map(partition).collect()
}

fn service(redis: &RedisServer, consumer: &str) -> Launch {
    let service = processing_service(redis).env("STREAM_PARTITIONS", 4);
    service.env("CONSUMER_NAME", consumer)
}

async fn append_to_all(redis: &RedisServer) {
    for stream in four() {
        append(redis, &stream, 0..ENTRIES).await;
    }
}

/// How many consumers the group of a stream has.
async fn consumers(redis: &RedisServer, stream: &str) -> usize {
    let consumers: Vec<BTreeMap<String, redis::Value>> =
        redis.run(&["XINFO", "CONSUMERS", stream, GROUP]).await;
    consumers.len()
}

#[tokio::test]
async fn entries_of_all_partitions_are_stored_once_also_where_their_ids_are_the_same() {
    let redis = RedisServer::start().await;
    append_to_all(&redis).await;
    let service = service(&redis, "pod-1").start().await;
    assert_stored_once(&redis, &four(), 0..ENTRIES).await;
    assert_eq!(stored(&redis).await.len(), 4 * ENTRIES);
    assert_eq!(service.counter("energy_pipeline_readings_stored_total").await, 4 * ENTRIES as u64);
    assert_eq!(service.counter("energy_pipeline_entries_redelivered_total").await, 0);
}

#[tokio::test]
async fn one_busy_partition_is_read_as_well_as_the_idle_ones() {
    let redis = RedisServer::start().await;
    let _service =
        service(&redis, "pod-1").env("MAX_IN_FLIGHT", 8).env("BATCH_SIZE", 8).start().await;
    append(&redis, &partition(2), 0..ENTRIES).await;
    assert_stored_once(&redis, &[partition(2)], 0..ENTRIES).await;
    append_to_all_but(&redis, 2).await;
    assert_stored_once(&redis, &[partition(0), partition(1), partition(3)], 0..ENTRIES).await;
}

async fn append_to_all_but(redis: &RedisServer, number: u16) {
    for stream in four().iter().filter(|stream| **stream != partition(number)) {
        append(redis, stream, 0..ENTRIES).await;
    }
}

#[tokio::test]
async fn two_services_share_each_partition() {
    let redis = RedisServer::start().await;
    let launch = |name| {
        let slow = service(&redis, name).env("BATCH_SIZE", 20).env("MAX_IN_FLIGHT", 40);
        slow.env("PROCESSING_DELAY_MS", 1)
    };
    let (first, second) = (launch("pod-1").start().await, launch("pod-2").start().await);
    append_to_all(&redis).await;
    assert_stored_once(&redis, &four(), 0..ENTRIES).await;
    for service in [&first, &second] {
        assert!(service.counter("energy_pipeline_readings_stored_total").await > 0);
    }
    for stream in four() {
        assert_eq!(consumers(&redis, &stream).await, 2, "{stream}");
    }
}

#[tokio::test]
async fn entries_of_a_killed_service_are_claimed_in_each_partition() {
    let redis = RedisServer::start().await;
    append_to_all(&redis).await;
    let mut killed = service(&redis, "pod-1").env("PROCESSING_DELAY_MS", 1).start().await;
    for stream in four() {
        let what = format!("entries of {stream} are in flight");
        wait::until(&what, async || redis.group_of(&stream).await.pending > 0).await;
    }
    killed.kill9();
    let other = service(&redis, "pod-2").env("CLAIM_MIN_IDLE_MS", 1000).start().await;
    assert_stored_once(&redis, &four(), 0..ENTRIES).await;
    assert!(other.counter("energy_pipeline_entries_claimed_total").await > 0);
}

#[tokio::test]
async fn a_service_that_stops_leaves_the_group_of_each_partition_and_hands_over_nothing() {
    let redis = RedisServer::start().await;
    append_to_all(&redis).await;
    let mut service = service(&redis, "pod-1").env("PROCESSING_DELAY_MS", 1).start().await;
    wait::until("it is in the middle", async || stored(&redis).await.len() > 200).await;
    service.terminate();
    assert_eq!(service.exit_code().await, Some(0));
    for stream in four() {
        assert_eq!(redis.group_of(&stream).await.pending, 0, "{stream}");
        assert_eq!(consumers(&redis, &stream).await, 0, "{stream}");
    }
}

#[tokio::test]
async fn acknowledged_entries_of_each_partition_are_trimmed() {
    let redis = RedisServer::start().await;
    append_to_all(&redis).await;
    let _service = service(&redis, "pod-1").env("STREAM_RETENTION", "1s").start().await;
    assert_stored_once(&redis, &four(), 0..ENTRIES).await;
    for stream in four() {
        let what = format!("{stream} is trimmed");
        // Whole nodes of 100 entries are removed.
        wait::until(&what, async || redis.run::<usize>(&["XLEN", &stream]).await < 200).await;
    }
}
