//! The stream is trimmed while it is worked on: never what somebody still needs, always the rest.

use super::support::helpers::consumers;
use super::support::sampler::Sampler;
use super::support::system::{World, consumer};
use crate::common::readings::add_backlog;
use crate::common::redis::{Group, STREAM};
use crate::common::wait;

/// Entries of two nodes of a stream, which Redis trims as wholes, and what comes in meanwhile.
const A_FEW_NODES: usize = 300;

#[tokio::test]
async fn an_entry_that_stays_pending_is_never_trimmed_and_the_rest_is_once_it_is_done() {
    let mut world = World::start(0).await;
    let pinned = add_backlog(&world.redis, 1, 1).await.remove(0);
    world.redis.deliver_to("slow-foreign-worker", 1).await;
    for n in 1..=3 {
        let patient = consumer(&world.redis, n).env("CLAIM_MIN_IDLE_MS", 3_600_000);
        world.processing.push(patient.env("STREAM_RETENTION", "1s").start().await);
    }
    let sampler = Sampler::of(world.redis.port());
    let producer = world.producer().per_second(600).start();
    producer.wait_for_more(2_000).await;
    let first = &world.redis.entries(STREAM).await[0];
    assert_eq!(first.id, pinned, "it was trimmed while it was pending");
    world.redis.run::<u64>(&["XACK", STREAM, "processing_group", &pinned]).await;
    let ledger = producer.stop().await;
    wait::until("the stream is trimmed", async || {
        world.redis.run::<usize>(&["XLEN", STREAM]).await < A_FEW_NODES
    })
    .await;
    assert_eq!(sampler.stop().await, Vec::<String>::new());
    assert_eq!(consumers(&world.redis).await.values().sum::<u64>(), 0);
    assert_eq!(world.redis.group().await, Group { pending: 0, lag: Some(0) });
    // The pinned entry was acknowledged by somebody who did not store it.
    let stored = crate::common::stored::count(&world.redis).await;
    assert_eq!(stored, ledger.requests().len());
}

#[tokio::test]
async fn nothing_is_trimmed_that_another_group_has_not_read() {
    let mut world = World::start(0).await;
    world.redis.run::<()>(&["XGROUP", "CREATE", STREAM, "archive", "0"]).await;
    let trimming = consumer(&world.redis, 1).env("STREAM_RETENTION", "0");
    world.processing.push(trimming.start().await);
    let producer = world.producer().start();
    producer.wait_for_more(500).await;
    let ledger = producer.stop().await;
    world.checker().check(&ledger).await.assert_kept();
    assert_eq!(world.redis.entries(STREAM).await.len(), ledger.requests().len());
    let read = ["XREADGROUP", "GROUP", "archive", "me", "NOACK", "STREAMS", STREAM, ">"];
    world.redis.run::<redis::Value>(&read).await;
    wait::until("the stream is trimmed", async || {
        world.redis.run::<usize>(&["XLEN", STREAM]).await < A_FEW_NODES
    })
    .await;
}
