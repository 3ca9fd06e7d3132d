//! Somebody destroys the consumer group, or deletes a consumer with all that is pending for it.

use super::scene::consumers;
use super::world::World;
use crate::common::readings::{NOON, add, add_backlog, fields};
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

#[tokio::test]
async fn a_group_that_is_destroyed_under_load_is_made_anew_and_everything_is_stored_once() {
    let world = World::start(2).await;
    let producer = world.producer().start();
    for _ in 0..3 {
        producer.wait_for_more(100).await;
        world.redis.run::<()>(&["XGROUP", "DESTROY", STREAM, GROUP]).await;
    }
    producer.wait_for_more(100).await;
    world.checker().check(&producer.stop().await).await.assert_kept();
}

#[tokio::test]
async fn a_group_that_is_destroyed_while_nothing_happens_is_made_anew_and_nothing_is_doubled() {
    let world = World::start(2).await;
    let producer = world.producer().poison(world.redis.port(), 20).start();
    producer.wait_for_more(200).await;
    let ledger = producer.stop().await;
    let before = world.checker().check(&ledger).await;
    before.assert_kept();
    world.redis.run::<()>(&["XGROUP", "DESTROY", STREAM, GROUP]).await;
    wait::until("there is a group again", async || world.redis.group().await.lag.is_some()).await;
    let after = world.checker().check(&ledger).await;
    after.assert_kept();
    assert_eq!((after.stored, after.dead), (before.stored, before.dead), "{after}");
}

#[tokio::test]
async fn deleting_the_consumers_of_live_services_loses_nothing() {
    let world = World::start(2).await;
    let producer = world.producer().start();
    for _ in 0..10 {
        producer.wait_for_more(30).await;
        for consumer in ["consumer-1", "consumer-2"] {
            world.redis.run::<u64>(&["XGROUP", "DELCONSUMER", STREAM, GROUP, consumer]).await;
        }
    }
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    world.checker().check(&ledger).await.assert_kept();
}

/// What Redis throws away with a consumer whose process is dead nobody is told of: it is stored when
/// an operator sets the group back, as [`docs/delivery.md`] says.
#[tokio::test]
async fn what_was_thrown_away_with_a_dead_consumer_is_stored_once_the_group_is_set_back() {
    let redis = RedisServer::start().await;
    let mut ids = add_backlog(&redis, 20, 3).await;
    let poison = add(&redis, "*", &fields("site-1", "poison", NOON)).await;
    redis.deliver_to("dead", 10).await;
    let _service = super::world::consumer(&redis, 1).start().await;
    let thrown_away: u64 = redis.run(&["XGROUP", "DELCONSUMER", STREAM, GROUP, "dead"]).await;
    assert_eq!(thrown_away, 10);
    ids.extend(add_backlog(&redis, 5, 3).await);
    wait::until("the rest is stored", async || {
        crate::common::stored::count(&redis).await == ids.len() - 10
    })
    .await;
    redis.run::<()>(&["XGROUP", "SETID", STREAM, GROUP, "0"]).await;
    wait::until("all is stored", async || crate::common::stored::count(&redis).await == ids.len())
        .await;
    crate::common::stored::wait_until_settled(&redis).await;
    let buried: Vec<_> = super::scene::reasons(&redis).await.into_keys().collect();
    assert_eq!(buried, [poison], "once, though it was delivered twice");
    assert_eq!(consumers(&redis).await.into_keys().collect::<Vec<_>>(), ["consumer-1"]);
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn what_a_live_service_holds_for_long_is_stored_though_its_consumer_was_deleted() {
    use super::scene::{HANDFUL, held_up_at, wait_until_pending};
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, HANDFUL, 1).await;
    let _service = held_up_at("writer-before-zadd", 1_500, &redis).start().await;
    wait_until_pending(&redis, HANDFUL).await;
    redis.run::<u64>(&["XGROUP", "DELCONSUMER", STREAM, GROUP, "consumer-1"]).await;
    wait::until("all is stored", async || crate::common::stored::count(&redis).await == HANDFUL)
        .await;
    assert_each_is_stored_once(&redis, &ids).await;
}
