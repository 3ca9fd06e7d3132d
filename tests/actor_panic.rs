//! An actor that panics is restarted, and the entries that it held are stored.

use crate::common::product::processing_service;
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;

/// Lets each actor panic once at a failpoint, and asserts the guarantee.
async fn assert_survived(place: &str) {
    let redis = RedisServer::start().await;
    // No other consumer would claim the abandoned entries: the service has to read them again
    // itself.
    let launch = processing_service(&redis).env("CLAIM_MIN_IDLE_MS", 3_600_000);
    let ids = add_backlog(&redis, 3_000, 7).await;
    let processing = launch.env("FAILPOINTS", format!("{place}=3*panic")).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
    assert!(
        processing.counter("energy_pipeline_actor_restarts_total").await > 0,
        "nothing panicked"
    );
    let more = add_backlog(&redis, 100, 7).await;
    assert_each_is_stored_once(&redis, &[ids, more].concat()).await;
}

#[tokio::test]
async fn a_writer_that_panics_before_it_stores_loses_nothing() {
    assert_survived("writer-before-zadd").await;
}

#[tokio::test]
async fn a_writer_that_panics_after_it_stored_duplicates_nothing() {
    assert_survived("bulk-write-after-zadd").await;
}

#[tokio::test]
async fn an_acker_that_panics_before_it_acknowledges_duplicates_nothing() {
    assert_survived("acker-before-xack").await;
}

#[tokio::test]
async fn a_reader_that_panics_before_it_reads_loses_nothing() {
    assert_survived("reader-before-read").await;
}

#[tokio::test]
async fn a_reader_that_panics_after_it_read_loses_nothing() {
    assert_survived("reader-after-read").await;
}

#[tokio::test]
async fn a_pipeline_that_always_panics_ends_the_process_and_another_takes_its_entries() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 1_000, 7).await;
    let launch = processing_service(&redis).env("FAILPOINTS", "reader-after-read=panic");
    let mut broken = launch.start().await;
    let code = broken.exit_code().await;
    assert!(code.is_some_and(|code| code != 0), "exit code {code:?}");
    let _next = processing_service(&redis).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}
