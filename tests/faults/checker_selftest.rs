//! The checker detects each kind of faulty processing; here it is done by hand.

use std::time::Duration;

use super::support::archiving::Archived;
use super::support::ledger::{Class, Ledger};
use super::support::manual_pipeline::{AcceptedReading, ManualPipeline, member};
use super::support::packing::PER_DAY;
use super::support::remains::Remains;
use super::support::report::Invariant::{
    self, LiveConsumers, NoInvention, NoLoss, NoTwice, NotDeadAndStored, NothingTrimmedUnread,
    WorkedOff,
};
use super::support::sampler::Sampler;
use crate::common::redis::{GROUP, STREAM};

/// Asserts that these invariants are reported as violated, and no others.
async fn assert_found(system: &ManualPipeline, broken: &[Invariant]) {
    assert_found_in(system, &system.ledger, Vec::new(), broken).await;
}

async fn assert_found_in(
    system: &ManualPipeline,
    ledger: &Ledger,
    sampled: Vec<String>,
    broken: &[Invariant],
) {
    let checker = system.checker().live(["consumer-1"]).sampled(sampled);
    let report = checker.within(Duration::from_secs(1)).check(ledger).await;
    assert_eq!(report.broken(), broken.iter().copied().collect(), "{report}");
}

#[tokio::test]
async fn correct_processing_keeps_all_invariants() {
    let mut system = ManualPipeline::new().await;
    let sampler = Sampler::of(system.server.port());
    system.process_well(300).await;
    let trim = format!("XTRIM {STREAM} MINID ~ 99999999999999");
    let trimmed: usize = system.redis.run(&trim).await;
    assert!(trimmed > 100, "trimming what is done is allowed");
    let poison = system.next_reading();
    let id: String = system.redis.run(&format!("XADD {STREAM} * no reading")).await;
    system.note(&poison, Class::Poison, Some(&id));
    system.deliver("consumer-1", 1).await;
    let dead_letter = AcceptedReading { id, sent: poison };
    system.dead_letter(&dead_letter).await;
    system.acknowledge(&[dead_letter]).await;
    let report = system.checker().sampled(sampler.stop().await).check(&system.ledger).await;
    report.assert_invariants_hold();
    assert_eq!((report.accepted, report.stored, report.dead), (300, 300, 1));
}

#[tokio::test]
async fn acknowledging_before_storing_is_detected() {
    let mut system = ManualPipeline::new().await;
    let taken = system.accept(100).await;
    system.deliver("consumer-1", 100).await;
    system.acknowledge(&taken).await;
    system.store(&taken[..50]).await; // and then it is killed
    assert_found(&system, &[NoLoss]).await;
}

#[tokio::test]
async fn trimming_unread_entries_is_detected() {
    let mut system = ManualPipeline::new().await;
    let sampler = Sampler::of(system.server.port());
    let taken = system.accept_with(&format!("XADD {STREAM} MAXLEN ~ 100 *"), 1_000).await;
    sampler.has_looked().await;
    system.deliver("consumer-1", 1_000).await;
    system.store(&taken[950..]).await;
    system.acknowledge(&taken).await;
    let seen = sampler.stop().await;
    assert!(!seen.is_empty(), "the sampler has seen it");
    assert_found_in(&system, &system.ledger, seen, &[NoLoss, NothingTrimmedUnread]).await;
}

#[tokio::test]
async fn trimming_pending_entries_is_detected() {
    let mut system = ManualPipeline::new().await;
    let sampler = Sampler::of(system.server.port());
    let taken = system.accept(100).await;
    system.deliver("consumer-1", 100).await;
    system.redis.run::<()>(&format!("XTRIM {STREAM} MAXLEN 10")).await;
    sampler.has_looked().await;
    system.store(&taken).await;
    system.acknowledge(&taken).await;
    assert_found_in(&system, &system.ledger, sampler.stop().await, &[NothingTrimmedUnread]).await;
}

#[tokio::test]
async fn pending_entries_of_a_dead_consumer_are_detected() {
    let mut system = ManualPipeline::new().await;
    system.process_well(50).await;
    let taken = system.accept(10).await;
    system.deliver("dead", 10).await;
    assert_found(&system, &[NoLoss, WorkedOff, LiveConsumers]).await;
    system.store(&taken).await;
    assert_found(&system, &[WorkedOff, LiveConsumers]).await;
    system.acknowledge(&taken).await;
    assert_found(&system, &[LiveConsumers]).await;
    system.redis.run::<()>(&format!("XGROUP DELCONSUMER {STREAM} {GROUP} dead")).await;
    assert_found(&system, &[]).await;
}

#[tokio::test]
async fn unread_entries_are_detected() {
    let mut system = ManualPipeline::new().await;
    system.process_well(50).await;
    system.accept(1).await;
    assert_found(&system, &[NoLoss, WorkedOff]).await;
}

#[tokio::test]
async fn acknowledging_after_a_failed_write_is_detected() {
    let mut system = ManualPipeline::new().await;
    let taken = system.accept(20).await;
    system.deliver("consumer-1", 20).await;
    system.redis.run::<()>("CONFIG SET maxmemory 1").await;
    for reading in &taken {
        let sent = &reading.sent;
        let stored = system.try_store(&sent.site, sent.score(), &member(reading)).await;
        assert!(stored.is_err_and(|error| error.code() == Some("OOM")));
    }
    system.acknowledge(&taken).await;
    system.redis.run::<()>("CONFIG SET maxmemory 0").await;
    assert_found(&system, &[NoLoss]).await;
}

#[tokio::test]
async fn a_reading_stored_twice_with_other_bytes_is_detected() {
    let mut system = ManualPipeline::new().await;
    let taken = system.process_well(20).await;
    let again = member(&taken[7]).replace("\":", "\": ");
    let AcceptedReading { sent, .. } = &taken[7];
    system.try_store(&sent.site, sent.score(), &again).await.unwrap();
    assert_found(&system, &[NoTwice]).await;
}

#[tokio::test]
async fn a_reading_stored_twice_as_two_entries_is_detected() {
    let mut system = ManualPipeline::new().await;
    let taken = system.process_well(20).await;
    let again: String = system.redis.run(&format!("XADD {STREAM} * again 1")).await;
    let again = AcceptedReading { id: again, sent: taken[7].sent.clone() };
    system.deliver("consumer-1", 1).await;
    system.store(std::slice::from_ref(&again)).await;
    system.acknowledge(std::slice::from_ref(&again)).await;
    // The sender received the first id only; if it received both, one key stands for two entries.
    assert_found(&system, &[NoInvention, NoTwice]).await;
    system.note(&again.sent, Class::Accepted, Some(&again.id));
    assert_found(&system, &[NoTwice]).await;
}

#[tokio::test]
async fn a_reading_that_was_never_sent_is_detected() {
    let mut system = ManualPipeline::new().await;
    system.process_well(20).await;
    let invented = AcceptedReading { id: "1-1".to_owned(), sent: system.next_reading() };
    system.store(&[invented]).await;
    assert_found(&system, &[NoInvention]).await;
}

#[tokio::test]
async fn a_rejected_reading_that_is_stored_is_detected() {
    let mut system = ManualPipeline::new().await;
    system.process_well(20).await;
    let refused = AcceptedReading { id: "1-1".to_owned(), sent: system.next_reading() };
    system.note(&refused.sent, Class::Refused, None);
    system.store(&[refused]).await;
    assert_found(&system, &[NoInvention]).await;
}

#[tokio::test]
async fn a_reading_with_other_values_another_score_or_another_site_is_detected() {
    for change in 0..3 {
        let mut system = ManualPipeline::new().await;
        system.process_well(20).await;
        let taken = system.accept(1).await;
        system.deliver("consumer-1", 1).await;
        let mut stored = taken[0].clone();
        let mut site = stored.sent.site.clone();
        let mut score = stored.sent.score();
        match change {
            0 => stored.sent.value += 0.01,
            1 => score += 0.001,
            _ => site.push('x'),
        }
        system.try_store(&site, score, &member(&stored)).await.unwrap();
        system.acknowledge(&taken).await;
        assert_found(&system, &[NoInvention]).await;
    }
}

#[tokio::test]
async fn a_reading_that_is_stored_and_a_dead_letter_is_detected() {
    let mut system = ManualPipeline::new().await;
    let taken = system.process_well(20).await;
    system.dead_letter(&taken[3]).await;
    assert_found(&system, &[NotDeadAndStored]).await;
}

#[tokio::test]
async fn a_valid_reading_among_the_dead_letters_is_detected() {
    let mut system = ManualPipeline::new().await;
    let taken = system.accept(20).await;
    system.deliver("consumer-1", 20).await;
    system.store(&taken[1..]).await;
    system.dead_letter(&taken[0]).await;
    system.acknowledge(&taken).await;
    assert_found(&system, &[NotDeadAndStored]).await;
}

#[tokio::test]
async fn a_dropped_poison_entry_is_detected() {
    let mut system = ManualPipeline::new().await;
    system.process_well(20).await;
    let id: String = system.redis.run(&format!("XADD {STREAM} * no reading")).await;
    let poison = AcceptedReading { id, sent: system.next_reading() };
    system.note(&poison.sent, Class::Poison, Some(&poison.id));
    system.deliver("consumer-1", 1).await;
    system.acknowledge(&[poison]).await;
    assert_found(&system, &[NoLoss]).await;
}

#[tokio::test]
async fn readings_that_are_archived_between_two_snapshots_of_a_server_are_not_lost() {
    let archived = Archived::packed(2).await;
    let before = Remains::copy_of(&archived.redis);
    archived.archive_all().await;
    let after = Remains::copy_of(&archived.redis);
    assert_eq!(before.lacking_in(&after, Some(&archived.url())).await.len(), 0);
    assert_eq!(before.lacking_in(&after, None).await.len(), PER_DAY, "they are not in Redis");
}
