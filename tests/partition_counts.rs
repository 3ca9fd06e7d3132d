//! `STREAM_PARTITIONS` is changed while services run: nothing is lost, and nothing is stored twice.

use crate::common::partitions::partition;
use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::redis::RedisServer;
use crate::faults::support::checker::Checker;
use crate::faults::support::ledger::Ledger;
use crate::faults::support::producer::{Producer, Producing};

/// An Ingestion API that appends to this number of partitions, and a producer that sends to it.
async fn producing(redis: &RedisServer, partitions: u16, ledger: &Ledger) -> (Role, Producing) {
    let ingestion = ingestion_api(redis).env("STREAM_PARTITIONS", partitions).start().await;
    let producer = Producer::to([ingestion.base()]).ledger(ledger).keyed();
    (ingestion, producer.start())
}

async fn processing(redis: &RedisServer, partitions: u16, consumer: &str) -> Role {
    let service = processing_service(redis).env("CLAIM_MIN_IDLE_MS", 1_000);
    service.env("STREAM_PARTITIONS", partitions).env("CONSUMER_NAME", consumer).start().await
}

async fn stop(mut role: Role) {
    role.terminate();
    assert_eq!(role.exit_code().await, Some(0));
}

/// How many of the partitions have entries.
async fn used(redis: &RedisServer, partitions: u16) -> usize {
    let mut used = 0;
    for number in 0..partitions {
        let length = redis.run::<usize>(&["XLEN", &partition(number)]).await;
        used += usize::from(length > 0);
    }
    used
}

#[tokio::test]
async fn a_change_of_the_number_of_partitions_under_load_loses_and_duplicates_nothing() {
    let redis = RedisServer::start().await;
    let ledger = Ledger::new();
    let (mut ingestion, mut producer) = producing(&redis, 1, &ledger).await;
    let mut services = Vec::new();
    for consumer in ["pod-1", "pod-2"] {
        services.push(processing(&redis, 1, consumer).await);
    }
    producer.wait_for_more(200).await;
    for partitions in [4, 2] {
        // As a roll-out does: the new Ingestion API beside the old one, then one service after the other.
        let next = producing(&redis, partitions, &ledger).await;
        next.1.wait_for_more(200).await;
        producer.stop().await;
        stop(ingestion).await;
        (ingestion, producer) = next;
        for consumer in ["pod-1", "pod-2"] {
            stop(services.remove(0)).await;
            services.push(processing(&redis, partitions, consumer).await);
            producer.wait_for_more(100).await;
        }
        assert!(used(&redis, partitions).await > 0, "none of {partitions} partitions has entries");
    }
    let ledger = producer.stop().await;
    Checker::of(redis.port()).check(&ledger).await.assert_invariants_hold();
}

#[tokio::test]
async fn entries_of_a_partition_that_no_service_has_any_more_are_processed_until_it_is_empty() {
    let redis = RedisServer::start().await;
    let ledger = Ledger::new();
    let (ingestion, producer) = producing(&redis, 4, &ledger).await;
    producer.wait_for_more(300).await;
    let ledger = producer.stop().await;
    stop(ingestion).await;
    let _service = processing(&redis, 2, "pod-1").await;
    Checker::of(redis.port()).check(&ledger).await.assert_invariants_hold();
}
