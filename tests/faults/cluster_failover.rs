//! A master of a Redis Cluster dies and its replica is promoted. What was not replicated yet may be lost, and nothing
//! else: neither with one stream nor with partitions.

use super::support::cluster_system::ClusterSystem;

/// Kills the master of a stream under load, or one that has sites, and restarts it later.
async fn kill_a_master(partitions: u16, of_a_stream: bool) {
    let mut system = ClusterSystem::start(partitions).await;
    let producer = system.producer().start();
    producer.wait_for_more(200).await;
    let master = if of_a_stream {
        system.master_of_a_stream().await
    } else {
        system.master_of_sites().await
    };
    let promoted = system.kill_master(master).await;
    producer.wait_for_more(200).await;
    system.cluster.restart(master).await;
    system.cluster.wait_until_healthy().await;
    assert_eq!(system.cluster.replicas_of(promoted).await, [master]);
    producer.wait_for_more(100).await;
    system.check(&producer.stop().await).await.assert_invariants_hold();
    system.wait_until_ready().await;
}

#[tokio::test]
async fn a_killed_master_of_the_stream_loses_unreplicated_readings_only() {
    kill_a_master(1, true).await;
}

#[tokio::test]
async fn a_killed_master_of_a_partition_loses_unreplicated_readings_only() {
    kill_a_master(4, true).await;
}

#[tokio::test]
async fn a_killed_master_of_sites_loses_unreplicated_readings_only() {
    kill_a_master(1, false).await;
}

#[tokio::test]
async fn a_killed_master_of_sites_and_partitions_loses_unreplicated_readings_only() {
    kill_a_master(4, false).await;
}

/// Has the replica of each master take its place, one after the other.
async fn fail_over_by_hand(partitions: u16) {
    let system = ClusterSystem::start(partitions).await;
    let producer = system.producer().start();
    for master in system.cluster.masters().await {
        producer.wait_for_more(100).await;
        let replica = system.cluster.replicas_of(master).await[0];
        system.cluster.fail_over_to(replica).await;
    }
    producer.wait_for_more(200).await;
    let report = system.check(&producer.stop().await).await;
    report.assert_invariants_hold();
}

#[tokio::test]
async fn a_failover_by_hand_of_every_shard_loses_nothing() {
    fail_over_by_hand(1).await;
}

#[tokio::test]
async fn a_failover_by_hand_of_every_shard_loses_nothing_of_partitions() {
    fail_over_by_hand(4).await;
}
