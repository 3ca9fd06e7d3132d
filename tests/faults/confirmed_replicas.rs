//! With `REDIS_WAIT_REPLICAS` a reading is accepted, and its entry acknowledged, when replicas have it.

use super::failover::{promote, replica_of};
use super::support::checker::Checker;
use super::support::helpers::{wait_until_pending, wait_until_stored};
use super::support::ledger::Class;
use super::support::producer::Producer;
use super::support::system::{consumer, missing};
use super::support::tcp_switch::TcpSwitch;
use crate::common::http::Reply;
use crate::common::product::{Launch, Role, ingestion_api, launch};
use crate::common::readings::{add_backlog, reading};
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

const FAILED_WAITS: &str = "energy_pipeline_redis_replica_waits_failed_total";

fn waiting(launch: Launch) -> Launch {
    launch.env("REDIS_WAIT_REPLICAS", 1).env("REDIS_WAIT_TIMEOUT_MS", 100)
}

async fn post_keyed(api: &Role) -> Reply {
    let body = reading("site").to_string();
    let request = api.request(reqwest::Method::POST, "/readings").header("idempotency-key", "one");
    Reply::of(request.header("content-type", "application/json").body(body)).await
}

#[tokio::test]
async fn stored_entries_are_acknowledged_when_a_replica_has_them() {
    let master = RedisServer::start().await;
    let mut replica = replica_of(&master).await;
    replica.signal("STOP");
    // Fewer than the limit of entries in flight at the start: none more is read while none is acknowledged.
    let ids = add_backlog(&master, 10, 3).await;
    let service = waiting(consumer(&master, 1)).start().await;
    wait_until_stored(&master, ids.len()).await;
    wait::until("waits fail", async || service.counter(FAILED_WAITS).await > 2).await;
    wait::until("it is logged", async || service.stderr().contains("fewer replicas than")).await;
    wait_until_pending(&master, ids.len()).await;
    assert_eq!(service.get("/readyz").await.status, 503);
    replica.signal("CONT");
    wait_until_pending(&master, 0).await;
    assert_each_is_stored_once(&master, &ids).await;
    wait::until("it is ready", async || service.get("/readyz").await.status == 200).await;
}

#[tokio::test]
async fn a_reading_that_no_replica_has_is_not_accepted_and_its_repetition_is_added_once() {
    let master = RedisServer::start().await;
    let mut replica = replica_of(&master).await;
    let api = waiting(ingestion_api(&master)).start().await;
    replica.signal("STOP");
    for _ in 0..2 {
        let refused = post_keyed(&api).await;
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(refused.json()["code"], "outcome_unknown", "{refused:?}");
    }
    let unready = api.get("/readyz").await;
    assert_eq!(unready.status, 503);
    assert!(unready.detail().contains("replicas"), "{unready:?}");
    replica.signal("CONT");
    let accepted = wait::until_some("it is accepted", async || {
        let reply = post_keyed(&api).await;
        (reply.status == 201).then_some(reply)
    })
    .await;
    let id = accepted.json()["stream_id"].as_str().unwrap().to_owned();
    assert!(missing(replica.port(), std::slice::from_ref(&id)).await.is_empty());
    assert_eq!(master.run::<u64>(&["XLEN", "energy_readings"]).await, 1);
}

#[tokio::test]
async fn a_failover_loses_no_accepted_reading() {
    let mut master = RedisServer::start().await;
    let replica = replica_of(&master).await;
    let switch = TcpSwitch::to(master.port()).await;
    let through = |launch: Launch| waiting(launch).env("REDIS_PORT", switch.port());
    let ingestion = through(ingestion_api(&master)).start().await;
    let _processing = through(consumer(&master, 1)).start().await;
    let producer = Producer::to([ingestion.base()]).start();
    producer.wait_for_more(300).await;
    master.kill9();
    wait::until("readings are refused", async || producer.count(Class::Refused) > 20).await;
    assert_eq!(missing(replica.port(), &producer.accepted_since(0)).await, [""; 0]);
    promote(&replica).await;
    let _second = replica_of(&replica).await;
    switch.switch_to(replica.port());
    producer.wait_for_more(300).await;
    let ledger = producer.stop().await;
    let report = Checker::of(replica.port()).live(["consumer-1"]).check(&ledger).await;
    report.assert_invariants_hold();
    println!("{report}");
}

#[tokio::test]
async fn replicas_of_the_private_server_of_up_are_rejected_at_the_start() {
    let ended = launch(&["up"]).env("REDIS_WAIT_REPLICAS", 1).run().await;
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("REDIS_WAIT_REPLICAS needs REDIS_URL"), "{}", ended.stderr);
}
