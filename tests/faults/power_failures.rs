//! The power fails, and what Redis wrote last has not reached its disk. What it had accepted then is
//! lost, and it says so in no way; but what it still has of it must become a reading all the same,
//! also when it had been stored and acknowledged already.

use super::support::disk::Disk;
use super::support::sampler::Sampler;
use super::support::system::{World, missing};
use crate::common::redis::RedisServer;

const FAILURES: usize = 6;

/// About what one reading leaves in the append-only file.
const BYTES_A_READING: usize = 700;

#[tokio::test]
async fn what_redis_still_has_after_a_power_failure_is_stored() {
    let mut world = World::start(2).await;
    let (port, disk) = (world.redis.port(), Disk::of(world.redis.port()).await);
    let sampler = Sampler::of(port);
    let producer = world.producer().poison(port, 30).start();
    let mut lost = Vec::new();
    for failure in 1..=FAILURES {
        producer.wait_for_more(100).await;
        world.redis.kill9();
        lost.extend(disk.lose_the_last(failure * 15 * BYTES_A_READING));
        world.redis.restart().await;
        lost.extend(missing(port, &producer.accepted_since(0)).await);
    }
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let checker = world.checker().excusing(lost).sampled(sampler.stop().await);
    let verdict = checker.check(&ledger).await;
    verdict.assert_kept();
    assert!(verdict.lost_by_redis > 0, "nothing was lost: {verdict}");
    println!("{verdict}");
}

#[tokio::test]
async fn what_redis_forgot_that_it_had_stored_is_stored_again() {
    let redis = RedisServer::start().await;
    let mut world = World::over(redis, 1).await;
    let disk = Disk::of(world.redis.port()).await;
    let producer = world.producer().start();
    producer.wait_for_more(300).await;
    let ledger = producer.stop().await;
    world.checker().check(&ledger).await.assert_kept();
    world.redis.kill9();
    let lost = disk.lose_the_last(100 * BYTES_A_READING);
    world.redis.restart().await;
    let verdict = world.checker().excusing(lost).check(&ledger).await;
    verdict.assert_kept();
    println!("{verdict}");
}
