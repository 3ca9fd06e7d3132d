//! The master dies and its replica takes its place. What the replica had not received yet may be
//! lost, and nothing else is.

use super::ledger::{Class, now_ns};
use super::producer::Producer;
use super::scene::{HANDFUL, info, wait_until_pending, wait_until_stored};
use super::switch::Switch;
use super::world::{consumer, missing};
use crate::common::product::ingestion_api;
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;
use crate::faults::checker::Checker;

/// A replica that has all that its master has.
pub async fn replica_of(master: &RedisServer) -> RedisServer {
    let address = format!("127.0.0.1 {}", master.port());
    let replica = RedisServer::start_with(&["--replicaof", &address]).await;
    wait::until("the replica follows", async || info(&replica, "master_link_status").await == "up")
        .await;
    replica
}

async fn promote(replica: &RedisServer) {
    replica.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
}

#[tokio::test]
async fn a_failover_under_load_loses_what_was_not_replicated_at_most() {
    let mut master = RedisServer::start().await;
    let replica = replica_of(&master).await;
    let switch = Switch::to(master.port()).await;
    let port = switch.port();
    let ingestion = ingestion_api(&master).env("REDIS_PORT", port).start().await;
    let first = consumer(&master, 1).env("REDIS_PORT", port).start().await;
    let _second = consumer(&master, 2).env("REDIS_PORT", port).start().await;
    let producer = Producer::to([ingestion.base()]).start();
    producer.wait_for_more(300).await;
    let before = now_ns() - 2_000_000_000;
    master.kill9();
    wait::until("readings are refused", async || producer.count(Class::Refused) > 20).await;
    let not_replicated = missing(replica.port(), &producer.accepted_since(before)).await;
    promote(&replica).await;
    switch.turn_to(replica.port());
    producer.wait_for_more(300).await;
    let ledger = producer.stop().await;
    let live = ["consumer-1", "consumer-2"];
    let checker = Checker::of(replica.port()).live(live).excusing(not_replicated);
    let verdict = checker.check(&ledger).await;
    verdict.assert_kept();
    assert_eq!(first.get("/readyz").await.status, 200);
    println!("{verdict}");
}

#[cfg(feature = "failpoints")]
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

#[cfg(feature = "failpoints")]
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
