//! A master that must have replicas takes no writes without them, and is ready again with them.

use super::failover::replica_of;
use super::support::ledger::Class;
use super::support::system::World;
use crate::common::redis::RedisServer;
use crate::common::wait;

#[tokio::test]
async fn nothing_is_accepted_while_the_replica_that_must_be_there_is_frozen() {
    let settings = ["--min-replicas-max-lag", "1", "--repl-ping-replica-period", "1"];
    let master = RedisServer::start_with(&settings).await;
    let mut replica = replica_of(&master).await;
    master.run::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    let world = World::over(master, 2).await;
    let producer = world.producer().start();
    producer.wait_for_more(100).await;
    replica.signal("STOP");
    wait::until("readings are refused", async || producer.count(Class::Refused) > 50).await;
    for role in world.roles() {
        let unready = role.get("/readyz").await;
        assert_eq!(unready.status, 503);
        assert!(unready.detail().contains("replicas"), "{unready:?}");
    }
    replica.signal("CONT");
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let verdict = world.checker().check(&ledger).await;
    verdict.assert_kept();
    assert_eq!(verdict.unknown, 0, "{verdict}");
    assert_eq!(verdict.dead, 0, "{verdict}");
}
