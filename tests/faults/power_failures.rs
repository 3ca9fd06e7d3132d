//! The power fails before the last writes of Redis reach its disk. What Redis had accepted in them
//! is lost without a notice; every entry that it still has becomes a reading, also when it had been
//! stored and acknowledged.

use super::support::disk::Disk;
use super::support::sampler::Sampler;
use super::support::system::{System, missing};
use crate::common::redis::RedisServer;

const FAILURES: usize = 6;

/// The approximate size of a reading in the append-only file.
const BYTES_A_READING: usize = 700;

#[tokio::test]
async fn entries_that_survive_a_power_failure_are_stored() {
    let mut system = System::start(2).await;
    let (port, disk) = (system.redis.port(), Disk::of(system.redis.port()).await);
    let sampler = Sampler::of(port);
    let producer = system.producer().poison(port, 30).start();
    let mut lost = Vec::new();
    for failure in 1..=FAILURES {
        producer.wait_for_more(100).await;
        system.redis.kill9();
        lost.extend(disk.truncate_aof(failure * 15 * BYTES_A_READING));
        system.redis.restart().await;
        lost.extend(missing(port, &producer.accepted_since(0)).await);
    }
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let checker = system.checker().excusing(lost).sampled(sampler.stop().await);
    let report = checker.check(&ledger).await;
    report.assert_invariants_hold();
    assert!(report.lost_by_redis > 0, "nothing was lost: {report}");
    println!("{report}");
}

#[tokio::test]
async fn readings_whose_write_was_lost_are_stored_again() {
    let redis = RedisServer::start().await;
    let mut system = System::over(redis, 1).await;
    let disk = Disk::of(system.redis.port()).await;
    let producer = system.producer().start();
    producer.wait_for_more(300).await;
    let ledger = producer.stop().await;
    system.checker().check(&ledger).await.assert_invariants_hold();
    system.redis.kill9();
    let lost = disk.truncate_aof(100 * BYTES_A_READING);
    system.redis.restart().await;
    let report = system.checker().excusing(lost).check(&ledger).await;
    report.assert_invariants_hold();
    println!("{report}");
}
