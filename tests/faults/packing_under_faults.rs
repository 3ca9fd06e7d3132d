//! Processing services pack days of old readings, some of which arrive late, while services, Redis and its memory
//! fail: nothing is lost, nothing is twice, and no answer is shorter than one before it.

use std::time::Duration;

use super::support::helpers::info;
use super::support::ledger::Class;
use super::support::packing::{PackingSystem, pack_all_sites};
use super::support::producer::Producing;
use super::support::sent::Timestamps;
use super::support::small_disk::{LARGE, SmallDisk};
use crate::common::product::Role;
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;
use crate::common::wait;

/// How long a fault lasts.
const FAULT: Duration = Duration::from_secs(3);

/// Breaks a system that packs, and checks that everything holds.
async fn survive(redis: RedisServer, fault: impl AsyncFnOnce(&mut PackingSystem, &Producing)) {
    let mut packing = PackingSystem::over(redis, None).await;
    let producer = packing.system.producer().keyed().timestamps(Timestamps::FAST).start();
    packing.wait_for_packed(1).await;
    fault(&mut packing, &producer).await;
    producer.wait_for_more(500).await;
    packing.wait_for_packed(1).await;
    let ledger = producer.stop().await;
    wait_until_settled(&packing.system.redis).await;
    packing.readers.wait_for_more(8).await;
    packing.readers.stop().await;
    packing.system.processing.iter_mut().for_each(Role::kill9);
    pack_all_sites(&packing.system.redis).await;
    let report = packing.system.checker().in_one_tier().check(&ledger).await;
    println!("{report}");
    report.assert_invariants_hold();
    assert!(report.packed * 2 > report.stored, "{report}");
    assert_eq!((report.lost_by_redis, report.dead), (0, 0), "{report}");
}

#[tokio::test]
async fn services_that_are_killed_while_they_pack_lose_and_double_nothing() {
    survive(RedisServer::start_durable().await, async |packing, producer| {
        for n in [1, 2, 1] {
            packing.kill(n);
            producer.wait_for_more(300).await;
            packing.start_again(n).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_is_killed_while_days_are_packed_loses_and_doubles_nothing() {
    survive(RedisServer::start_durable().await, async |packing, producer| {
        for _ in 0..3 {
            packing.system.redis.kill9();
            packing.system.redis.restart().await;
            producer.wait_for_more(300).await;
            packing.wait_for_packed(1).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_hangs_while_days_are_packed_loses_and_doubles_nothing() {
    survive(RedisServer::start_durable().await, async |packing, producer| {
        packing.system.redis.signal("STOP");
        tokio::time::sleep(FAULT).await;
        packing.system.redis.signal("CONT");
        producer.wait_for_more(100).await;
    })
    .await;
}

#[tokio::test]
async fn while_memory_is_full_days_are_not_packed_and_nothing_is_lost() {
    survive(RedisServer::start_durable().await, async |packing, producer| {
        let redis = &packing.system.redis;
        let used: u64 = info(redis, "used_memory").await.parse().unwrap();
        redis.run::<()>(&["CONFIG", "SET", "maxmemory", &(used / 2).to_string()]).await;
        let refused = producer.count(Class::Refused);
        wait::until("readings are refused", async || {
            producer.count(Class::Refused) > refused + 500
        })
        .await;
        redis.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    })
    .await;
}

#[tokio::test]
async fn while_the_disk_is_full_days_are_not_packed_and_nothing_is_lost() {
    let redis = RedisServer::prepared(&[]);
    let disk = SmallDisk::start(&redis, "everysec", LARGE).await;
    survive(redis, async |packing, producer| {
        disk.fill();
        let refused = producer.count(Class::Refused);
        wait::until("readings are refused", async || {
            producer.count(Class::Refused) > refused + 500
        })
        .await;
        let packed = packing.packed().await;
        packing.readers.wait_for_more(1).await;
        assert_eq!(packing.packed().await, packed);
        disk.make_room();
    })
    .await;
}
