//! What makes one partition unusable delays no entry of another.

use crate::common::partitions::{append, assert_stored_once, partition};
use crate::common::product::{Role, processing_service};
use crate::common::redis::{GROUP, RedisServer};
use crate::common::wait;

/// Entries of each partition, before the failure and after.
const ENTRIES: usize = 300;

struct Tested {
    redis: RedisServer,
    service: Role,
}

impl Tested {
    /// A service that has stored entries of four partitions.
    async fn start() -> Self {
        let redis = RedisServer::start().await;
        let service = processing_service(&redis).env("STREAM_PARTITIONS", 4).start().await;
        let tested = Self { redis, service };
        tested.assert_that_are_stored(0..4, 0..ENTRIES).await;
        tested
    }

    /// Appends entries of these numbers to partitions, and asserts that they are stored.
    async fn assert_that_are_stored(
        &self,
        partitions: std::ops::Range<u16>,
        numbers: std::ops::Range<usize>,
    ) {
        let streams: Vec<_> = partitions.map(partition).collect();
        for stream in &streams {
            append(&self.redis, stream, numbers.clone()).await;
        }
        assert_stored_once(&self.redis, &streams, numbers).await;
    }

    async fn run(&self, command: &[&str]) {
        self.redis.run::<redis::Value>(command).await;
    }
}

#[tokio::test]
async fn a_destroyed_group_is_created_again_and_other_partitions_go_on() {
    let tested = Tested::start().await;
    tested.run(&["XGROUP", "DESTROY", &partition(0), GROUP]).await;
    tested.assert_that_are_stored(0..4, ENTRIES..2 * ENTRIES).await;
    assert_stored_once(&tested.redis, &[partition(0)], 0..2 * ENTRIES).await;
}

#[tokio::test]
async fn a_deleted_stream_is_created_again_and_other_partitions_go_on() {
    let tested = Tested::start().await;
    tested.run(&["DEL", &partition(0)]).await;
    tested.assert_that_are_stored(1..4, ENTRIES..2 * ENTRIES).await;
    tested.assert_that_are_stored(0..1, ENTRIES..2 * ENTRIES).await;
}

#[tokio::test]
async fn a_stream_of_the_wrong_type_stops_no_other_partition_and_is_read_when_it_is_gone() {
    let tested = Tested::start().await;
    tested.run(&["SET", &partition(0), "not a stream"]).await;
    wait::until("the failure is logged", async || tested.service.stderr().contains("WRONGTYPE"))
        .await;
    tested.assert_that_are_stored(1..4, ENTRIES..2 * ENTRIES).await;
    tested.run(&["DEL", &partition(0)]).await;
    tested.assert_that_are_stored(0..1, ENTRIES..2 * ENTRIES).await;
}

/// The acknowledgement of one partition fails while its entries are in flight: they hold their permits.
#[cfg(feature = "failpoints")]
#[tokio::test]
async fn entries_that_cannot_be_acknowledged_keep_no_other_partition_from_being_read() {
    let redis = RedisServer::start().await;
    append(&redis, &partition(0), 0..ENTRIES).await;
    let service = processing_service(&redis)
        .env("STREAM_PARTITIONS", 4)
        .env("MAX_IN_FLIGHT", 16)
        .env("BATCH_SIZE", 16);
    let service = service.env("FAILPOINTS", "acker-before-xack=1*sleep(2000)").start().await;
    wait::until("entries are in flight", async || redis.group_of(&partition(0)).await.pending > 0)
        .await;
    let tested = Tested { redis, service };
    tested.run(&["SET", &partition(0), "not a stream"]).await;
    tested.assert_that_are_stored(1..4, 0..ENTRIES).await;
}
