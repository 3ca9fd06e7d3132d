//! Redis is killed and comes back: with all it had, with nothing, or after a long time of loading.

use super::support::ledger::Class;
use super::support::proxy::{Cut, Mode, Proxy};
use super::support::sampler::Sampler;
use super::support::system::World;
use crate::common::redis::RedisServer;

/// Readings that are accepted between two faults.
const BETWEEN: usize = 150;

#[tokio::test]
async fn killing_redis_again_and_again_loses_and_doubles_nothing() {
    let mut world = World::start(2).await;
    let sampler = Sampler::of(world.redis.port());
    let producer = world.producer().poison(world.redis.port(), 50).start();
    for _ in 0..5 {
        producer.wait_for_more(BETWEEN).await;
        world.kill_and_restart_redis(&producer).await;
    }
    producer.wait_for_more(BETWEEN).await;
    let ledger = producer.stop().await;
    let verdict = world.checker().sampled(sampler.stop().await).check(&ledger).await;
    verdict.assert_kept();
    println!("{verdict}");
}

#[tokio::test]
async fn a_reading_that_is_sent_again_with_its_key_is_stored_once_however_often_redis_dies() {
    let redis = RedisServer::start_durable().await;
    let proxy = Proxy::to(redis.port()).await;
    let port = proxy.port();
    let mut world = World::through(redis, port, 2).await;
    let producer = world.producer().keyed().start();
    for cut in [Cut::ResetBefore, Cut::ResetMid, Cut::CloseMid] {
        proxy.set(Mode::Cut(cut, 20));
        producer.wait_for_more(BETWEEN).await;
        world.kill_and_restart_redis(&producer).await;
        producer.wait_for_more(BETWEEN).await;
    }
    proxy.set(Mode::Forward);
    let ledger = producer.stop().await;
    let verdict = world.checker().check(&ledger).await;
    verdict.assert_kept();
    assert_eq!(verdict.unknown, 0, "each was sent again until it was accepted: {verdict}");
    assert!(
        ledger.requests().values().any(|request| request.attempts > 1),
        "nothing was sent again"
    );
    assert_eq!(ledger.count(Class::Accepted), verdict.stored);
    println!("{verdict}");
}
