//! Slots of a Redis Cluster move to other masters under load, with the stream, its partitions and the sites in them.

use super::support::cluster_system::ClusterSystem;
use super::support::producer::Producing;
use crate::common::cluster::SHARDS;

/// Moves the slots of all streams, of sites and of the shared keys to the next master each.
async fn move_slots(system: &ClusterSystem, producer: &Producing) {
    let sites = (0..8).map(|site| format!("site:site-{site}:readings"));
    for key in system.streams().into_iter().chain(sites).chain(["energy_readings:sites".to_owned()])
    {
        let (slot, owner) =
            (system.cluster.slot_of(&key).await, system.cluster.owner_of(&key).await);
        system.cluster.move_slot(slot, (owner + 1) % SHARDS).await;
        producer.wait_for_more(20).await;
    }
}

async fn move_slots_under_load(partitions: u16) {
    let system = ClusterSystem::start(partitions).await;
    let producer = system.producer().start();
    producer.wait_for_more(100).await;
    for _ in 0..SHARDS {
        move_slots(&system, &producer).await;
    }
    producer.wait_for_more(100).await;
    system.check(&producer.stop().await).await.assert_invariants_hold();
    system.wait_until_ready().await;
}

#[tokio::test]
async fn the_slots_of_the_stream_and_of_sites_move_under_load_without_loss() {
    move_slots_under_load(1).await;
}

#[tokio::test]
async fn the_slots_of_partitions_and_of_sites_move_under_load_without_loss() {
    move_slots_under_load(4).await;
}

async fn add_a_node_under_load(partitions: u16) {
    let mut system = ClusterSystem::start(partitions).await;
    let producer = system.producer().start();
    producer.wait_for_more(100).await;
    let added = system.cluster.add_node().await;
    system.cluster.rebalance_to(added).await;
    // It has a part of the slots only, perhaps none of ours.
    let key = &system.streams()[0];
    system.cluster.move_slot(system.cluster.slot_of(key).await, added).await;
    producer.wait_for_more(200).await;
    assert_eq!(system.cluster.owner_of(key).await, added);
    system.check(&producer.stop().await).await.assert_invariants_hold();
}

#[tokio::test]
async fn a_node_is_added_and_given_a_share_of_the_slots_under_load_without_loss() {
    add_a_node_under_load(1).await;
}

#[tokio::test]
async fn a_node_is_added_and_given_a_partition_under_load_without_loss() {
    add_a_node_under_load(4).await;
}
