//! The master dies and a replica is promoted. Entries that were not replicated yet may be lost, and
//! no others.

use super::support::checker::Checker;
use super::support::helpers::info;
use super::support::ledger::{Class, now_ns};
use super::support::producer::Producer;
use super::support::system::{consumer, missing};
use super::support::tcp_switch::TcpSwitch;
use crate::common::product::ingestion_api;
use crate::common::redis::RedisServer;
use crate::common::wait;

/// A replica that is in sync with its master.
pub async fn replica_of(master: &RedisServer) -> RedisServer {
    let address = format!("127.0.0.1 {}", master.port());
    let replica = RedisServer::start_with(&["--replicaof", &address]).await;
    follows(&replica).await;
    replica
}

/// Waits until a replica is in sync with its master.
pub async fn follows(replica: &RedisServer) {
    wait::until("the replica follows", async || info(replica, "master_link_status").await == "up")
        .await;
}

/// Promotes a replica: it receives nothing more from its former master.
pub async fn promote(replica: &RedisServer) {
    replica.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
}

#[tokio::test]
async fn a_failover_under_load_loses_unreplicated_entries_only() {
    let mut master = RedisServer::start().await;
    let replica = replica_of(&master).await;
    let switch = TcpSwitch::to(master.port()).await;
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
    switch.switch_to(replica.port());
    producer.wait_for_more(300).await;
    let ledger = producer.stop().await;
    let live = ["consumer-1", "consumer-2"];
    let checker = Checker::of(replica.port()).live(live).excusing(not_replicated);
    let report = checker.check(&ledger).await;
    report.assert_invariants_hold();
    assert_eq!(first.get("/readyz").await.status, 200);
    println!("{report}");
}
