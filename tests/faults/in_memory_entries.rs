//! What a service holds in memory while Redis forgets it, or gives it to nobody: it is the only copy,
//! and is stored.

use super::failover::{promote, replica_of};
use super::support::helpers::{
    HANDFUL, field, held_up_at, reasons, wait_until_pending, wait_until_stored,
};
use super::support::system::consumer;
use super::support::tcp_switch::Switch;
use crate::common::readings::{NOON, add, add_backlog, fields};
use crate::common::redis::{DEAD_LETTERS, GROUP, RedisServer, STREAM};
use crate::common::stored::{self, assert_each_is_stored_once};
use crate::common::wait;

/// Longer than half of the time after which entries may have been taken over.
const LONG: u32 = 1_500;

#[tokio::test]
async fn entries_that_a_service_holds_while_the_stream_is_deleted_are_stored() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, HANDFUL, 1).await;
    let service = held_up_at("writer-before-zadd", LONG, &redis).start().await;
    wait_until_pending(&redis, HANDFUL).await;
    redis.run::<()>(&["DEL", STREAM]).await;
    let more = add_backlog(&redis, HANDFUL, 1).await;
    assert_each_is_stored_once(&redis, &[ids, more].concat()).await;
    let only_copies = service.counter("entries_rolled_back_total").await;
    assert_eq!(only_copies, HANDFUL as u64);
}

#[tokio::test]
async fn entries_that_a_service_holds_while_something_else_is_in_the_streams_place_are_stored() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, HANDFUL, 1).await;
    let service = held_up_at("writer-before-zadd", LONG, &redis).start().await;
    wait_until_pending(&redis, HANDFUL).await;
    redis.run::<()>(&["SET", STREAM, "text"]).await;
    wait::until("it has tried", async || service.stderr().contains("stay in flight")).await;
    redis.run::<()>(&["DEL", STREAM]).await;
    wait_until_stored(&redis, HANDFUL).await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn an_entry_that_is_about_to_be_buried_when_the_stream_is_deleted_is_buried() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "site:bad:readings", "text"]).await;
    let id = add(&redis, "*", &fields("bad", "1.0", NOON)).await;
    let _service = held_up_at("bulk-write-after-zadd", LONG, &redis).start().await;
    wait_until_pending(&redis, 1).await;
    redis.run::<()>(&["DEL", STREAM]).await;
    let more = add(&redis, "*", &fields("good", "1.0", NOON)).await;
    wait::until("it is buried", async || !redis.entries(DEAD_LETTERS).await.is_empty()).await;
    assert_eq!(reasons(&redis).await.into_keys().collect::<Vec<_>>(), [id]);
    let letter = &redis.entries(DEAD_LETTERS).await[0];
    assert!(field(letter, "reason").contains("WRONGTYPE"), "{letter:?}");
    wait::until("the next is stored", async || {
        let members = stored::members(&redis, "good").await;
        members.len() == 1 && members[0].text.contains(&more)
    })
    .await;
}

#[tokio::test]
async fn what_a_live_service_holds_for_long_is_stored_though_its_consumer_was_deleted() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, HANDFUL, 1).await;
    let _service = held_up_at("writer-before-zadd", LONG, &redis).start().await;
    wait_until_pending(&redis, HANDFUL).await;
    redis.run::<u64>(&["XGROUP", "DELCONSUMER", STREAM, GROUP, "consumer-1"]).await;
    wait::until("all is stored", async || stored::count(&redis).await == HANDFUL).await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn what_only_the_dead_master_had_stored_is_stored_anew_before_it_is_acknowledged() {
    let mut master = RedisServer::start().await;
    let replica = replica_of(&master).await;
    let switch = Switch::to(master.port()).await;
    let ids = add_backlog(&master, HANDFUL, 1).await;
    let places = "writer-before-zadd=1*sleep(1500);acker-before-xack=1*sleep(2000)";
    let launch = consumer(&master, 1).env("FAILPOINTS", places);
    let _service = launch.env("REDIS_PORT", switch.port()).start().await;
    wait_until_pending(&replica, HANDFUL).await;
    promote(&replica).await; // and from now on it receives nothing more
    wait_until_stored(&master, HANDFUL).await;
    master.kill9();
    switch.turn_to(replica.port());
    assert_each_is_stored_once(&replica, &ids).await;
}

/// A master that gives an entry, but does not say whether it was buried, and dies; the next knows
/// nothing.
async fn assert_what_was_given_is_stored(worked_before: bool) {
    let mut master = RedisServer::start().await;
    let successor = RedisServer::start().await;
    let switch = Switch::to(master.port()).await;
    let service = consumer(&master, 1).env("REDIS_PORT", switch.port()).start().await;
    if worked_before {
        add_backlog(&master, 1, 1).await;
        wait_until_stored(&master, 1).await;
        stored::wait_until_settled(&master).await;
    }
    master.run::<()>(&["SET", "energy_readings:dead:ids", "no sorted set"]).await;
    let ids = add_backlog(&master, 1, 1).await;
    wait_until_pending(&master, 1).await;
    wait::until("it asks", async || service.stderr().contains("stay in flight")).await;
    master.kill9();
    switch.turn_to(successor.port());
    assert_each_is_stored_once(&successor, &ids).await;
}

#[tokio::test]
async fn what_a_master_gave_before_it_failed_and_died_is_stored_from_memory() {
    assert_what_was_given_is_stored(false).await;
    assert_what_was_given_is_stored(true).await;
}

#[tokio::test]
async fn what_is_in_memory_when_its_master_dies_is_stored_from_there() {
    let mut master = RedisServer::start().await;
    let replica = replica_of(&master).await;
    promote(&replica).await; // it will know nothing of what comes
    let switch = Switch::to(master.port()).await;
    let ids = add_backlog(&master, HANDFUL, 1).await;
    let launch = consumer(&master, 1).env("FAILPOINTS", "writer-before-zadd=1*sleep(1500)");
    let service = launch.env("REDIS_PORT", switch.port()).start().await;
    wait_until_pending(&master, HANDFUL).await;
    // The successor has younger entries by the time the service comes to it.
    let more = add_backlog(&replica, HANDFUL, 1).await;
    master.kill9();
    switch.turn_to(replica.port());
    assert_each_is_stored_once(&replica, &[ids, more].concat()).await;
    assert_eq!(service.counter("entries_rolled_back_total").await, HANDFUL as u64);
}
