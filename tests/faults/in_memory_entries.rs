//! Redis loses entries that a service holds in memory, or assigns them to no consumer: the only
//! copy is the one in memory, and it is stored.

use super::failover::{promote, replica_of};
use super::support::helpers::{
    FIRST_BATCH, dead_letter_reasons, delayed_at, field, wait_until_pending, wait_until_stored,
};
use super::support::system::consumer;
use super::support::tcp_switch::TcpSwitch;
use crate::common::readings::{NOON, add, add_backlog, fields};
use crate::common::redis::{DEAD_LETTERS, GROUP, RedisServer, STREAM};
use crate::common::stored::{self, assert_each_is_stored_once};
use crate::common::wait;

/// Longer than half of the idle time after which entries may be claimed.
const LONG: u32 = 1_500;

#[tokio::test]
async fn in_flight_entries_are_stored_when_the_stream_is_deleted() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, FIRST_BATCH, 1).await;
    let service = delayed_at("writer-before-zadd", LONG, &redis).start().await;
    wait_until_pending(&redis, FIRST_BATCH).await;
    redis.run::<()>(&["DEL", STREAM]).await;
    let more = add_backlog(&redis, FIRST_BATCH, 1).await;
    assert_each_is_stored_once(&redis, &[ids, more].concat()).await;
    let only_copies = service.counter("energy_pipeline_entries_recovered_from_memory_total").await;
    assert_eq!(only_copies, FIRST_BATCH as u64);
}

#[tokio::test]
async fn in_flight_entries_are_stored_when_the_stream_key_has_the_wrong_type() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, FIRST_BATCH, 1).await;
    let service = delayed_at("writer-before-zadd", LONG, &redis).start().await;
    wait_until_pending(&redis, FIRST_BATCH).await;
    redis.run::<()>(&["SET", STREAM, "text"]).await;
    wait::until("it has tried", async || service.stderr().contains("stay in flight")).await;
    redis.run::<()>(&["DEL", STREAM]).await;
    wait_until_stored(&redis, FIRST_BATCH).await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn an_entry_about_to_be_dead_lettered_when_the_stream_is_deleted_is_dead_lettered() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "site:bad:readings", "text"]).await;
    let id = add(&redis, "*", &fields("bad", "1.0", NOON)).await;
    let _service = delayed_at("bulk-write-after-zadd", LONG, &redis).start().await;
    wait_until_pending(&redis, 1).await;
    redis.run::<()>(&["DEL", STREAM]).await;
    let more = add(&redis, "*", &fields("good", "1.0", NOON)).await;
    wait::until("it is dead-lettered", async || !redis.entries(DEAD_LETTERS).await.is_empty())
        .await;
    assert_eq!(dead_letter_reasons(&redis).await.into_keys().collect::<Vec<_>>(), [id]);
    let dead_letter = &redis.entries(DEAD_LETTERS).await[0];
    assert!(field(dead_letter, "reason").contains("WRONGTYPE"), "{dead_letter:?}");
    wait::until("the next is stored", async || {
        let members = stored::members(&redis, "good").await;
        members.len() == 1 && members[0].text.contains(&more)
    })
    .await;
}

#[tokio::test]
async fn long_in_flight_entries_are_stored_when_their_consumer_is_deleted() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, FIRST_BATCH, 1).await;
    let _service = delayed_at("writer-before-zadd", LONG, &redis).start().await;
    wait_until_pending(&redis, FIRST_BATCH).await;
    redis.run::<u64>(&["XGROUP", "DELCONSUMER", STREAM, GROUP, "consumer-1"]).await;
    wait::until("all is stored", async || stored::count(&redis).await == FIRST_BATCH).await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn readings_stored_only_by_a_lost_master_are_stored_again_before_they_are_acknowledged() {
    let mut master = RedisServer::start().await;
    let replica = replica_of(&master).await;
    let switch = TcpSwitch::to(master.port()).await;
    let ids = add_backlog(&master, FIRST_BATCH, 1).await;
    let places = "writer-before-zadd=1*sleep(1500);acker-before-xack=1*sleep(2000)";
    let launch = consumer(&master, 1).env("FAILPOINTS", places);
    let _service = launch.env("REDIS_PORT", switch.port()).start().await;
    wait_until_pending(&replica, FIRST_BATCH).await;
    promote(&replica).await; // from now on it receives nothing more
    wait_until_stored(&master, FIRST_BATCH).await;
    master.kill9();
    switch.switch_to(replica.port());
    assert_each_is_stored_once(&replica, &ids).await;
}

/// A master delivers an entry, does not reply whether it was dead-lettered, and dies; its successor
/// knows neither.
async fn assert_what_was_given_is_stored(worked_before: bool) {
    let mut master = RedisServer::start().await;
    let successor = RedisServer::start().await;
    let switch = TcpSwitch::to(master.port()).await;
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
    switch.switch_to(successor.port());
    assert_each_is_stored_once(&successor, &ids).await;
}

#[tokio::test]
async fn entries_delivered_by_a_master_that_failed_are_stored_from_memory() {
    assert_what_was_given_is_stored(false).await;
    assert_what_was_given_is_stored(true).await;
}

#[tokio::test]
async fn entries_in_memory_when_the_master_dies_are_stored_from_memory() {
    let mut master = RedisServer::start().await;
    let replica = replica_of(&master).await;
    promote(&replica).await; // it does not receive the following entries
    let switch = TcpSwitch::to(master.port()).await;
    let ids = add_backlog(&master, FIRST_BATCH, 1).await;
    let launch = consumer(&master, 1).env("FAILPOINTS", "writer-before-zadd=1*sleep(1500)");
    let service = launch.env("REDIS_PORT", switch.port()).start().await;
    wait_until_pending(&master, FIRST_BATCH).await;
    // The successor has newer entries by the time the service connects to it.
    let more = add_backlog(&replica, FIRST_BATCH, 1).await;
    master.kill9();
    switch.switch_to(replica.port());
    assert_each_is_stored_once(&replica, &[ids, more].concat()).await;
    assert_eq!(
        service.counter("energy_pipeline_entries_recovered_from_memory_total").await,
        FIRST_BATCH as u64
    );
}
