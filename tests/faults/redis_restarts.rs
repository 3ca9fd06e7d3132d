//! Redis is killed and restarts over its append-only file.

use super::support::ledger::Class;
use super::support::proxy::{Cut, Mode, Proxy};
use super::support::sampler::Sampler;
use super::support::system::System;
use crate::common::redis::RedisServer;

/// Readings that are accepted between two faults.
const BETWEEN: usize = 150;

#[tokio::test]
async fn killing_redis_repeatedly_loses_and_duplicates_nothing() {
    let mut system = System::start(2).await;
    let sampler = Sampler::of(system.redis.port());
    let producer = system.producer().poison(system.redis.port(), 50).start();
    for _ in 0..5 {
        producer.wait_for_more(BETWEEN).await;
        system.kill_and_restart_redis(&producer).await;
    }
    producer.wait_for_more(BETWEEN).await;
    let ledger = producer.stop().await;
    let report = system.checker().sampled(sampler.stop().await).check(&ledger).await;
    report.assert_invariants_hold();
    println!("{report}");
}

#[tokio::test]
async fn a_reading_retried_with_its_key_is_stored_once_however_often_redis_is_killed() {
    let redis = RedisServer::start_durable().await;
    let proxy = Proxy::to(redis.port()).await;
    let port = proxy.port();
    let mut system = System::through(redis, port, 2).await;
    let producer = system.producer().keyed().start();
    for cut in [Cut::ResetBefore, Cut::ResetMid, Cut::CloseMid] {
        proxy.set(Mode::Cut(cut, 20));
        producer.wait_for_more(BETWEEN).await;
        system.kill_and_restart_redis(&producer).await;
        producer.wait_for_more(BETWEEN).await;
    }
    proxy.set(Mode::Forward);
    let ledger = producer.stop().await;
    let report = system.checker().check(&ledger).await;
    report.assert_invariants_hold();
    assert_eq!(report.unknown, 0, "each was sent again until it was accepted: {report}");
    assert!(
        ledger.requests().values().any(|request| request.attempts > 1),
        "nothing was sent again"
    );
    assert_eq!(ledger.count(Class::Accepted), report.stored);
    println!("{report}");
}
