//! The disk under the append-only file is full.

use super::support::ledger::Class;
use super::support::small_disk::{LARGE, SmallDisk};
use super::support::system::System;
use crate::common::redis::RedisServer;
use crate::common::wait;

#[tokio::test]
async fn while_the_disk_is_full_nothing_is_accepted_and_afterwards_all_is_stored() {
    let redis = RedisServer::prepared(&[]);
    let disk = SmallDisk::start(&redis, "everysec", 400 * 1024).await;
    let system = System::over(redis, 2).await;
    let producer = system.producer().start();
    producer.wait_for_more(100).await;
    wait::until("readings are refused", async || producer.count(Class::Refused) > 50).await;
    for role in system.roles() {
        assert_eq!(role.get("/readyz").await.status, 503);
        assert_eq!(role.get("/livez").await.status, 200);
    }
    disk.make_room();
    producer.wait_for_more(200).await;
    let ledger = producer.stop().await;
    let report = system.checker().check(&ledger).await;
    report.assert_invariants_hold();
    assert_eq!(report.dead, 0, "{report}");
}

/// With `appendfsync always` Redis exits when it cannot write.
#[tokio::test]
async fn a_redis_that_exits_because_of_a_full_disk_loses_no_accepted_reading() {
    let redis = RedisServer::prepared(&[]);
    let mut disk = SmallDisk::start(&redis, "always", 200 * 1024).await;
    let system = System::over(redis, 2).await;
    let producer = system.producer().keyed().start();
    wait::until("Redis ends", async || !disk.is_redis_running()).await;
    let refused = producer.count(Class::Refused);
    wait::until("readings are refused", async || producer.count(Class::Refused) > refused + 50)
        .await;
    for role in system.roles() {
        assert_eq!(role.get("/readyz").await.status, 503);
        assert_eq!(role.get("/livez").await.status, 200);
    }
    disk.restart(&system.redis, "always", LARGE).await;
    producer.wait_for_more(200).await;
    let report = system.checker().check(&producer.stop().await).await;
    report.assert_invariants_hold();
    assert_eq!(report.dead, 0, "{report}");
}
