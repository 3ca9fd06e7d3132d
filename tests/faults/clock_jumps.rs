//! The clock of Redis was ahead and is set back: new entry ids continue from the highest one.

use super::support::system::{System, consumer};
use crate::common::readings::{NOON, add, fields};
use crate::common::redis::STREAM;
use crate::common::stored;
use crate::common::wait;

/// In the year 2100.
const AHEAD: &str = "4102444800000-0";

/// Entries of two nodes of a stream; Redis trims whole nodes.
const TWO_NODES: usize = 200;

#[tokio::test]
async fn readings_appended_after_an_id_of_the_future_are_stored_once_and_trimmed() {
    let mut system = System::start(0).await;
    let launch = consumer(&system.redis, 1).env("STREAM_RETENTION", "2s");
    system.processing.push(launch.start().await);
    let early = add(&system.redis, AHEAD, &fields("ahead", "1.0", NOON)).await;
    wait::until("it is stored", async || stored::count(&system.redis).await == 1).await;
    // Its age is unknown, so it does not count in the latency histogram.
    wait::until("it is counted", async || {
        system.processing[0].counter("energy_pipeline_readings_stored_total").await == 1
    })
    .await;
    assert_eq!(
        system.processing[0].counter("energy_pipeline_ingest_to_readable_seconds_count").await,
        0
    );
    let producer = system.producer().start();
    producer.wait_for_more(500).await;
    let ledger = producer.stop().await;
    wait::until("all is stored", async || {
        stored::count(&system.redis).await == ledger.requests().len() + 1
    })
    .await;
    let first = stored::members(&system.redis, "ahead").await.remove(0);
    assert!(first.text.contains(&early), "{first:?}");
    wait::until("the stream is trimmed", async || {
        system.redis.run::<usize>(&["XLEN", STREAM]).await < TWO_NODES
    })
    .await;
    stored::wait_until_settled(&system.redis).await;
}
