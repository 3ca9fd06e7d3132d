//! The stream is trimmed while it is processed: never entries that are still needed, always the
//! rest.

use super::support::helpers::consumers;
use super::support::sampler::Sampler;
use super::support::system::{System, consumer};
use crate::common::readings::add_backlog;
use crate::common::redis::{Group, STREAM};
use crate::common::wait;

/// Entries of two nodes of a stream (Redis trims whole nodes), and those appended meanwhile.
const A_FEW_NODES: usize = 300;

#[tokio::test]
async fn a_pending_entry_is_never_trimmed_and_the_rest_is_trimmed_once_it_is_acknowledged() {
    let mut system = System::start(0).await;
    let pinned = add_backlog(&system.redis, 1, 1).await.remove(0);
    system.redis.deliver_to("slow-foreign-worker", 1).await;
    for n in 1..=3 {
        let patient = consumer(&system.redis, n).env("CLAIM_MIN_IDLE_MS", 3_600_000);
        system.processing.push(patient.env("STREAM_RETENTION", "1s").start().await);
    }
    let sampler = Sampler::of(system.redis.port());
    let producer = system.producer().per_second(600).start();
    producer.wait_for_more(2_000).await;
    let first = &system.redis.entries(STREAM).await[0];
    assert_eq!(first.id, pinned, "it was trimmed while it was pending");
    system.redis.run::<u64>(&["XACK", STREAM, "processing_group", &pinned]).await;
    let ledger = producer.stop().await;
    wait::until("the stream is trimmed", async || {
        system.redis.run::<usize>(&["XLEN", STREAM]).await < A_FEW_NODES
    })
    .await;
    assert_eq!(sampler.stop().await, Vec::<String>::new());
    assert_eq!(consumers(&system.redis).await.values().sum::<u64>(), 0);
    assert_eq!(system.redis.group().await, Group { pending: 0, lag: Some(0) });
    // The pinned entry was acknowledged by a consumer that did not store it.
    let stored = crate::common::stored::count(&system.redis).await;
    assert_eq!(stored, ledger.requests().len());
}

#[tokio::test]
async fn entries_unread_by_another_group_are_not_trimmed() {
    let mut system = System::start(0).await;
    system.redis.run::<()>(&["XGROUP", "CREATE", STREAM, "archive", "0"]).await;
    let trimming = consumer(&system.redis, 1).env("STREAM_RETENTION", "0");
    system.processing.push(trimming.start().await);
    let producer = system.producer().start();
    producer.wait_for_more(500).await;
    let ledger = producer.stop().await;
    system.checker().check(&ledger).await.assert_invariants_hold();
    assert_eq!(system.redis.entries(STREAM).await.len(), ledger.requests().len());
    let read = ["XREADGROUP", "GROUP", "archive", "me", "NOACK", "STREAMS", STREAM, ">"];
    system.redis.run::<redis::Value>(&read).await;
    wait::until("the stream is trimmed", async || {
        system.redis.run::<usize>(&["XLEN", STREAM]).await < A_FEW_NODES
    })
    .await;
}
