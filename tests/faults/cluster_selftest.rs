//! The Redis Cluster of the tests itself: it fails over, moves slots with their keys, grows, and can be divided.

use crate::common::cluster::{Cluster, SHARDS, SLOTS};
use crate::common::wait;

/// Keys in slots of all masters.
const KEYS: usize = 300;

/// Fills a cluster with keys.
async fn fill(cluster: &Cluster) {
    for n in 0..KEYS {
        cluster.run::<()>(&format!("key-{n}"), &["SET", &format!("key-{n}"), "value"]).await;
    }
}

/// The keys of all masters.
async fn count(cluster: &Cluster) -> usize {
    let mut count = 0;
    for master in cluster.masters().await {
        count += cluster.node(master).run::<usize>(&["DBSIZE"]).await;
    }
    count
}

#[tokio::test]
async fn a_replica_takes_the_place_of_a_killed_master_which_then_follows_it() {
    let mut cluster = Cluster::start().await;
    assert_eq!(cluster.masters().await, [0, 1, 2]);
    assert_eq!(cluster.replicas_of(1).await, [4]);
    let key = "key-1";
    let owner = cluster.owner_of(key).await;
    cluster.write_to_both(key, &["SET", key, "value"]).await;
    cluster.kill(owner);
    let promoted = cluster.wait_until_replaced(owner).await;
    assert_eq!(promoted, owner + SHARDS);
    assert_eq!(cluster.run::<String>(key, &["GET", key]).await, "value");
    cluster.restart(owner).await;
    cluster.wait_until_healthy().await;
    assert_eq!(cluster.replicas_of(promoted).await, [owner]);
    cluster.fail_over_to(owner).await;
    assert_eq!(cluster.owner_of(key).await, owner);
}

#[tokio::test]
async fn slots_move_with_their_keys_also_to_an_added_node() {
    let mut cluster = Cluster::start().await;
    fill(&cluster).await;
    let key = "key-1";
    let (owner, slot) = (cluster.owner_of(key).await, cluster.slot_of(key).await);
    cluster.move_slot(slot, (owner + 1) % SHARDS).await;
    assert_eq!(cluster.owner_of(key).await, (owner + 1) % SHARDS);
    assert_eq!(cluster.run::<String>(key, &["GET", key]).await, "value");
    let added = cluster.add_node().await;
    cluster.rebalance_to(added).await;
    assert_eq!(cluster.masters().await.len(), SHARDS + 1);
    let view = cluster.view().await;
    let slots = view.nodes.iter().flat_map(|node| &node.slots).map(ExactSizeIterator::len);
    assert_eq!(slots.sum::<usize>(), usize::from(SLOTS));
    assert!(cluster.node(added).run::<usize>(&["DBSIZE"]).await > 0);
    assert_eq!(count(&cluster).await, KEYS);
}

#[tokio::test]
async fn an_isolated_master_is_replaced_while_clients_reach_it() {
    let mut cluster = Cluster::start_divisible(&[]).await;
    let key = "key-1";
    let master = cluster.owner_of(key).await;
    cluster.isolate(master);
    cluster.node(master).run::<()>(&["SET", key, "lost"]).await;
    let promoted = cluster.wait_until_replaced(master).await;
    assert_eq!(promoted, master + SHARDS);
    wait::until("it accepts no more writes", async || {
        let written = cluster.node(master).try_run::<()>(&["SET", key, "lost"]).await;
        written.is_err_and(|error| error.code() == Some("CLUSTERDOWN"))
    })
    .await;
    cluster.reunite(master);
    cluster.wait_until_healthy().await;
    assert_eq!(cluster.replicas_of(promoted).await, [master]);
    assert_eq!(cluster.run::<Option<String>>(key, &["GET", key]).await, None);
}
