//! The consumer group is destroyed, or a consumer is deleted together with its pending entries.

use super::support::helpers::{consumers, dead_letter_reasons};
use super::support::system::{System, consumer};
use crate::common::readings::{NOON, add, add_backlog, fields};
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::stored;
use crate::common::wait;

#[tokio::test]
async fn a_group_destroyed_under_load_is_created_again_and_everything_is_stored_once() {
    let system = System::start(2).await;
    let producer = system.producer().start();
    for _ in 0..3 {
        producer.wait_for_more(100).await;
        system.redis.run::<()>(&["XGROUP", "DESTROY", STREAM, GROUP]).await;
    }
    producer.wait_for_more(100).await;
    system.checker().check(&producer.stop().await).await.assert_invariants_hold();
}

#[tokio::test]
async fn a_group_destroyed_while_idle_is_created_again_and_nothing_is_duplicated() {
    let system = System::start(2).await;
    let producer = system.producer().poison(system.redis.port(), 20).start();
    producer.wait_for_more(200).await;
    let ledger = producer.stop().await;
    let before = system.checker().check(&ledger).await;
    before.assert_invariants_hold();
    system.redis.run::<()>(&["XGROUP", "DESTROY", STREAM, GROUP]).await;
    wait::until("there is a group again", async || system.redis.group().await.lag.is_some()).await;
    let after = system.checker().check(&ledger).await;
    after.assert_invariants_hold();
    assert_eq!((after.stored, after.dead), (before.stored, before.dead), "{after}");
}

#[tokio::test]
async fn deleting_the_consumers_of_live_services_loses_nothing() {
    let system = System::start(2).await;
    let producer = system.producer().start();
    for _ in 0..10 {
        producer.wait_for_more(30).await;
        for consumer in ["consumer-1", "consumer-2"] {
            system.redis.run::<u64>(&["XGROUP", "DELCONSUMER", STREAM, GROUP, consumer]).await;
        }
    }
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    system.checker().check(&ledger).await.assert_invariants_hold();
}

/// Redis drops the pending entries of a deleted consumer without notice: they are stored when an
/// operator resets the group, as [`docs/delivery-guarantees.md`] says.
#[tokio::test]
async fn entries_orphaned_with_a_dead_consumer_are_stored_after_xgroup_setid() {
    let redis = RedisServer::start().await;
    let mut ids = add_backlog(&redis, 20, 3).await;
    let poison = add(&redis, "*", &fields("site-1", "poison", NOON)).await;
    redis.deliver_to("dead", 10).await;
    let _service = consumer(&redis, 1).start().await;
    let thrown_away: u64 = redis.run(&["XGROUP", "DELCONSUMER", STREAM, GROUP, "dead"]).await;
    assert_eq!(thrown_away, 10);
    ids.extend(add_backlog(&redis, 5, 3).await);
    wait::until("the rest is stored", async || stored::count(&redis).await == ids.len() - 10).await;
    redis.run::<()>(&["XGROUP", "SETID", STREAM, GROUP, "0"]).await;
    wait::until("all is stored", async || stored::count(&redis).await == ids.len()).await;
    stored::wait_until_settled(&redis).await;
    let dead_lettered: Vec<_> = dead_letter_reasons(&redis).await.into_keys().collect();
    assert_eq!(dead_lettered, [poison], "once, though it was delivered twice");
    assert_eq!(consumers(&redis).await.into_keys().collect::<Vec<_>>(), ["consumer-1"]);
}
