//! Shards of a Redis Cluster without replicas, or without any node: readings wait, and none is lost.

use super::support::cluster_system::ClusterSystem;
use super::support::ledger::Class;
use super::support::producer::{Producer, Producing};
use crate::common::cluster::{Cluster, SHARDS};
use crate::common::wait;

/// Every acknowledged write is on disk: what is killed and restarted has lost nothing.
const DURABLE: [&str; 2] = ["--appendfsync", "always"];

async fn kill_all_replicas(partitions: u16) {
    let mut system = ClusterSystem::start(partitions).await;
    let producer = system.producer().start();
    producer.wait_for_more(100).await;
    (SHARDS..2 * SHARDS).for_each(|replica| system.cluster.kill(replica));
    producer.wait_for_more(1_000).await;
    assert_eq!(producer.count(Class::Refused), 0);
    for replica in SHARDS..2 * SHARDS {
        system.cluster.restart(replica).await;
    }
    system.cluster.wait_until_healthy().await;
    producer.wait_for_more(100).await;
    system.check(&producer.stop().await).await.assert_invariants_hold();
}

#[tokio::test]
async fn without_any_replica_everything_goes_on() {
    kill_all_replicas(1).await;
}

#[tokio::test]
async fn without_any_replica_every_partition_goes_on() {
    kill_all_replicas(4).await;
}

/// A system without a whole shard, in which a cluster of this coverage is.
async fn system_without_a_shard(partitions: u16, full_coverage: &str) -> (ClusterSystem, usize) {
    let coverage = ["--cluster-require-full-coverage", full_coverage];
    let cluster = Cluster::start_with(&[&DURABLE[..], &coverage].concat()).await;
    let system = ClusterSystem::on(cluster, partitions).await;
    let gone = system.master_of_sites().await;
    (system, gone)
}

/// Kills all nodes of the shard, restarts them after `meanwhile`, and checks that everything goes on and nothing is lost.
async fn lose_the_shard(
    (mut system, gone): (ClusterSystem, usize),
    producer: Producing,
    meanwhile: impl AsyncFnOnce(&Producing),
) {
    producer.wait_for_more(200).await;
    for node in [gone + SHARDS, gone] {
        system.cluster.kill(node);
    }
    meanwhile(&producer).await;
    for node in [gone, gone + SHARDS] {
        system.cluster.restart(node).await;
    }
    system.cluster.wait_until_healthy().await;
    producer.wait_for_more(200).await;
    let report = system.check(&producer.stop().await).await;
    report.assert_invariants_hold();
    assert_eq!(report.lost_by_redis, 0);
}

async fn take_the_cluster_down(partitions: u16) {
    let (system, gone) = system_without_a_shard(partitions, "yes").await;
    let producer = system.producer().start();
    lose_the_shard((system, gone), producer, async |producer| {
        wait::until("readings are refused", async || producer.count(Class::Refused) > 100).await;
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_is_down_accepts_nothing_and_goes_on_when_it_is_back() {
    take_the_cluster_down(1).await;
}

#[tokio::test]
async fn partitions_of_a_cluster_that_is_down_go_on_when_it_is_back() {
    take_the_cluster_down(4).await;
}

#[tokio::test]
async fn a_shard_of_sites_that_is_gone_stops_no_other_shard_without_full_coverage() {
    let (system, gone) = system_without_a_shard(1, "no").await;
    let producer = system.producer().start();
    lose_the_shard((system, gone), producer, async |producer| producer.wait_for_more(1_000).await)
        .await;
}

#[tokio::test]
async fn partitions_of_a_shard_that_is_gone_wait_without_full_coverage() {
    let (system, gone) = system_without_a_shard(4, "no").await;
    // Without keys: which partition a key is of is registered in one shard.
    let producer = Producer::to([system.ingestion.base()]).start();
    // Those of its own partitions are refused or time out.
    lose_the_shard((system, gone), producer, async |producer| producer.wait_for_more(100).await)
        .await;
}
