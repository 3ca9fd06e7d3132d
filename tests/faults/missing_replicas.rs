//! A master with `min-replicas-to-write` rejects writes without its replicas, and is ready again
//! with them.

use super::failover::replica_of;
use super::support::ledger::Class;
use super::support::system::System;
use crate::common::redis::RedisServer;
use crate::common::wait;

#[tokio::test]
async fn nothing_is_accepted_while_a_required_replica_is_frozen() {
    let settings = ["--min-replicas-max-lag", "1", "--repl-ping-replica-period", "1"];
    let master = RedisServer::start_with(&settings).await;
    let mut replica = replica_of(&master).await;
    master.run::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    let system = System::over(master, 2).await;
    let producer = system.producer().start();
    producer.wait_for_more(100).await;
    replica.signal("STOP");
    wait::until("readings are refused", async || producer.count(Class::Refused) > 50).await;
    for role in system.roles() {
        let unready = role.get("/readyz").await;
        assert_eq!(unready.status, 503);
        assert!(unready.detail().contains("replicas"), "{unready:?}");
    }
    replica.signal("CONT");
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let report = system.checker().check(&ledger).await;
    report.assert_invariants_hold();
    assert_eq!(report.unknown, 0, "{report}");
    assert_eq!(report.dead, 0, "{report}");
}
