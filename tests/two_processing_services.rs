//! Two processing services share the work.

use crate::common::product::processing_service;
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;

#[tokio::test]
async fn two_services_store_everything_once_and_each_some_of_it() {
    let redis = RedisServer::start().await;
    let launch = |name| {
        let slow = processing_service(&redis).env("CONSUMER_NAME", name).env("BATCH_SIZE", 20);
        slow.env("MAX_IN_FLIGHT", 40).env("PROCESSING_DELAY_MS", 1)
    };
    let (first, second) = (launch("pod-1").start().await, launch("pod-2").start().await);
    let ids = add_backlog(&redis, 2_000, 7).await;
    assert_each_is_stored_once(&redis, &ids).await;
    let by_first = first.counter("energy_pipeline_readings_stored_total").await;
    let by_second = second.counter("energy_pipeline_readings_stored_total").await;
    assert!(by_first > 0 && by_second > 0, "{by_first} and {by_second} of {}", ids.len());
}

#[tokio::test]
async fn two_services_of_one_consumer_name_store_everything_once() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 1_500, 7).await;
    let launch = || processing_service(&redis).env("PROCESSING_DELAY_MS", 1);
    let (_first, _second) = (launch().start().await, launch().start().await);
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn services_that_claim_entries_from_each_other_store_them_once() {
    let redis = RedisServer::start().await;
    // Processing takes longer than the idle time after which the other may claim.
    let launch = |name| {
        let slow = processing_service(&redis).env("CONSUMER_NAME", name);
        slow.env("CLAIM_MIN_IDLE_MS", 100).env("PROCESSING_DELAY_MS", 1)
    };
    let ids = add_backlog(&redis, 1_500, 7).await;
    let (_first, _second) = (launch("pod-1").start().await, launch("pod-2").start().await);
    assert_each_is_stored_once(&redis, &ids).await;
}
