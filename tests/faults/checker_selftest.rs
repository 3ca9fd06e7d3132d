//! The checker finds what it is there to find: each kind of broken processing, done by hand.

use std::time::Duration;

use super::support::faulty_consumer::{ByHand, Taken, member};
use super::support::ledger::{Class, Ledger};
use super::support::report::Invariant::{
    self, LiveConsumers, NoInvention, NoLoss, NoTwice, NotDeadAndStored, NothingTrimmedUnread,
    WorkedOff,
};
use super::support::sampler::Sampler;
use crate::common::redis::{GROUP, STREAM};

/// Makes sure that these invariants are found broken, and no others.
async fn assert_found(world: &ByHand, broken: &[Invariant]) {
    assert_found_in(world, &world.ledger, Vec::new(), broken).await;
}

async fn assert_found_in(
    world: &ByHand,
    ledger: &Ledger,
    sampled: Vec<String>,
    broken: &[Invariant],
) {
    let checker = world.checker().live(["consumer-1"]).sampled(sampled);
    let verdict = checker.within(Duration::from_secs(1)).check(ledger).await;
    assert_eq!(verdict.broken(), broken.iter().copied().collect(), "{verdict}");
}

#[tokio::test]
async fn a_world_that_works_keeps_all_invariants() {
    let mut world = ByHand::new().await;
    let sampler = Sampler::of(world.server.port());
    world.process_well(300).await;
    let trim = format!("XTRIM {STREAM} MINID ~ 99999999999999");
    let trimmed: usize = world.redis.run(&trim).await;
    assert!(trimmed > 100, "trimming what is done is allowed");
    let poison = world.next_reading();
    let id: String = world.redis.run(&format!("XADD {STREAM} * no reading")).await;
    world.note(&poison, Class::Poison, Some(&id));
    world.deliver("consumer-1", 1).await;
    let letter = Taken { id, sent: poison };
    world.bury(&letter).await;
    world.acknowledge(&[letter]).await;
    let verdict = world.checker().sampled(sampler.stop().await).check(&world.ledger).await;
    verdict.assert_kept();
    assert_eq!((verdict.accepted, verdict.stored, verdict.dead), (300, 300, 1));
}

#[tokio::test]
async fn acknowledging_what_is_not_stored_yet_is_found() {
    let mut world = ByHand::new().await;
    let taken = world.accept(100).await;
    world.deliver("consumer-1", 100).await;
    world.acknowledge(&taken).await;
    world.store(&taken[..50]).await; // and then it is killed
    assert_found(&world, &[NoLoss]).await;
}

#[tokio::test]
async fn trimming_what_nobody_has_read_is_found() {
    let mut world = ByHand::new().await;
    let sampler = Sampler::of(world.server.port());
    let taken = world.accept_with(&format!("XADD {STREAM} MAXLEN ~ 100 *"), 1_000).await;
    sampler.has_looked().await;
    world.deliver("consumer-1", 1_000).await;
    world.store(&taken[950..]).await;
    world.acknowledge(&taken).await;
    let seen = sampler.stop().await;
    assert!(!seen.is_empty(), "the sampler has seen it");
    assert_found_in(&world, &world.ledger, seen, &[NoLoss, NothingTrimmedUnread]).await;
}

#[tokio::test]
async fn trimming_what_is_pending_is_found() {
    let mut world = ByHand::new().await;
    let sampler = Sampler::of(world.server.port());
    let taken = world.accept(100).await;
    world.deliver("consumer-1", 100).await;
    world.redis.run::<()>(&format!("XTRIM {STREAM} MAXLEN 10")).await;
    sampler.has_looked().await;
    world.store(&taken).await;
    world.acknowledge(&taken).await;
    assert_found_in(&world, &world.ledger, sampler.stop().await, &[NothingTrimmedUnread]).await;
}

#[tokio::test]
async fn entries_that_nobody_takes_over_from_the_dead_are_found() {
    let mut world = ByHand::new().await;
    world.process_well(50).await;
    let taken = world.accept(10).await;
    world.deliver("dead", 10).await;
    assert_found(&world, &[NoLoss, WorkedOff, LiveConsumers]).await;
    world.store(&taken).await;
    assert_found(&world, &[WorkedOff, LiveConsumers]).await;
    world.acknowledge(&taken).await;
    assert_found(&world, &[LiveConsumers]).await;
    world.redis.run::<()>(&format!("XGROUP DELCONSUMER {STREAM} {GROUP} dead")).await;
    assert_found(&world, &[]).await;
}

#[tokio::test]
async fn entries_that_nobody_reads_are_found() {
    let mut world = ByHand::new().await;
    world.process_well(50).await;
    world.accept(1).await;
    assert_found(&world, &[NoLoss, WorkedOff]).await;
}

#[tokio::test]
async fn a_plain_pipeline_without_memory_is_found() {
    let mut world = ByHand::new().await;
    let taken = world.accept(20).await;
    world.deliver("consumer-1", 20).await;
    world.redis.run::<()>("CONFIG SET maxmemory 1").await;
    for reading in &taken {
        let sent = &reading.sent;
        let stored = world.try_store(&sent.site, sent.score(), &member(reading)).await;
        assert!(stored.is_err_and(|error| error.code() == Some("OOM")));
    }
    world.acknowledge(&taken).await;
    world.redis.run::<()>("CONFIG SET maxmemory 0").await;
    assert_found(&world, &[NoLoss]).await;
}

#[tokio::test]
async fn a_reading_stored_twice_with_other_bytes_is_found() {
    let mut world = ByHand::new().await;
    let taken = world.process_well(20).await;
    let again = member(&taken[7]).replace("\":", "\": ");
    let Taken { sent, .. } = &taken[7];
    world.try_store(&sent.site, sent.score(), &again).await.unwrap();
    assert_found(&world, &[NoTwice]).await;
}

#[tokio::test]
async fn a_reading_stored_twice_as_two_entries_is_found() {
    let mut world = ByHand::new().await;
    let taken = world.process_well(20).await;
    let again: String = world.redis.run(&format!("XADD {STREAM} * again 1")).await;
    let again = Taken { id: again, sent: taken[7].sent.clone() };
    world.deliver("consumer-1", 1).await;
    world.store(std::slice::from_ref(&again)).await;
    world.acknowledge(std::slice::from_ref(&again)).await;
    // The sender was told the first id only; and if it was told both, one key stands for two.
    assert_found(&world, &[NoInvention, NoTwice]).await;
    world.note(&again.sent, Class::Accepted, Some(&again.id));
    assert_found(&world, &[NoTwice]).await;
}

#[tokio::test]
async fn a_reading_that_nobody_sent_is_found() {
    let mut world = ByHand::new().await;
    world.process_well(20).await;
    let invented = Taken { id: "1-1".to_owned(), sent: world.next_reading() };
    world.store(&[invented]).await;
    assert_found(&world, &[NoInvention]).await;
}

#[tokio::test]
async fn a_reading_that_was_refused_and_stored_is_found() {
    let mut world = ByHand::new().await;
    world.process_well(20).await;
    let refused = Taken { id: "1-1".to_owned(), sent: world.next_reading() };
    world.note(&refused.sent, Class::Refused, None);
    world.store(&[refused]).await;
    assert_found(&world, &[NoInvention]).await;
}

#[tokio::test]
async fn a_reading_with_other_words_another_score_or_another_site_is_found() {
    for change in 0..3 {
        let mut world = ByHand::new().await;
        world.process_well(20).await;
        let taken = world.accept(1).await;
        world.deliver("consumer-1", 1).await;
        let mut stored = taken[0].clone();
        let mut site = stored.sent.site.clone();
        let mut score = stored.sent.score();
        match change {
            0 => stored.sent.value += 0.01,
            1 => score += 0.001,
            _ => site.push('x'),
        }
        world.try_store(&site, score, &member(&stored)).await.unwrap();
        world.acknowledge(&taken).await;
        assert_found(&world, &[NoInvention]).await;
    }
}

#[tokio::test]
async fn a_reading_that_is_stored_and_a_dead_letter_is_found() {
    let mut world = ByHand::new().await;
    let taken = world.process_well(20).await;
    world.bury(&taken[3]).await;
    assert_found(&world, &[NotDeadAndStored]).await;
}

#[tokio::test]
async fn a_good_reading_among_the_dead_letters_is_found() {
    let mut world = ByHand::new().await;
    let taken = world.accept(20).await;
    world.deliver("consumer-1", 20).await;
    world.store(&taken[1..]).await;
    world.bury(&taken[0]).await;
    world.acknowledge(&taken).await;
    assert_found(&world, &[NotDeadAndStored]).await;
}

#[tokio::test]
async fn poison_that_was_dropped_is_found() {
    let mut world = ByHand::new().await;
    world.process_well(20).await;
    let id: String = world.redis.run(&format!("XADD {STREAM} * no reading")).await;
    let poison = Taken { id, sent: world.next_reading() };
    world.note(&poison.sent, Class::Poison, Some(&poison.id));
    world.deliver("consumer-1", 1).await;
    world.acknowledge(&[poison]).await;
    assert_found(&world, &[NoLoss]).await;
}
