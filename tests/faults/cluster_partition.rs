//! A master of a Redis Cluster hangs, or is cut off from the other nodes while clients still reach it, and is replaced.
//! What it accepts until it knows is lost with it, and nothing else.

use super::support::cluster_system::ClusterSystem;
use crate::common::cluster::Cluster;

/// Readings that are accepted in the time between two replies.
const A_FEW: usize = 5;

/// Which master.
#[derive(Debug, Clone, Copy)]
enum Of {
    Stream,
    Sites,
}

impl Of {
    async fn node(self, system: &ClusterSystem) -> usize {
        match self {
            Self::Stream => system.master_of_a_stream().await,
            Self::Sites => system.master_of_sites().await,
        }
    }
}

async fn stop_a_master(partitions: u16, of: Of) {
    let mut system = ClusterSystem::start(partitions).await;
    let producer = system.producer().start();
    producer.wait_for_more(200).await;
    let master = of.node(&system).await;
    system.stop_master(master, async || producer.wait_for_more(200).await).await;
    producer.wait_for_more(200).await;
    system.check(&producer.stop().await).await.assert_invariants_hold();
}

#[tokio::test]
async fn a_master_of_the_stream_that_hangs_longer_than_the_node_timeout_is_left() {
    stop_a_master(1, Of::Stream).await;
}

#[tokio::test]
async fn a_master_of_a_partition_that_hangs_longer_than_the_node_timeout_is_left() {
    stop_a_master(4, Of::Stream).await;
}

#[tokio::test]
async fn a_master_of_sites_that_hangs_longer_than_the_node_timeout_is_left() {
    stop_a_master(1, Of::Sites).await;
}

async fn isolate_a_master(partitions: u16, of: Of) {
    let mut system = ClusterSystem::on(Cluster::start_divisible(&[]).await, partitions).await;
    let producer = system.producer().start();
    producer.wait_for_more(200).await;
    let master = of.node(&system).await;
    system.isolate_master(master, async || producer.wait_for_more(200).await).await;
    producer.wait_for_more(200).await;
    system.check(&producer.stop().await).await.assert_invariants_hold();
}

#[tokio::test]
async fn an_isolated_master_of_the_stream_that_clients_reach_is_left() {
    isolate_a_master(1, Of::Stream).await;
}

#[tokio::test]
async fn an_isolated_master_of_a_partition_that_clients_reach_is_left() {
    isolate_a_master(4, Of::Stream).await;
}

#[tokio::test]
async fn an_isolated_master_of_sites_that_clients_reach_is_left() {
    isolate_a_master(1, Of::Sites).await;
}

#[tokio::test]
async fn with_min_replicas_to_write_an_isolated_master_of_sites_loses_next_to_nothing() {
    let settings = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "1"];
    let mut system = ClusterSystem::on(Cluster::start_divisible(&settings).await, 1).await;
    let producer = system.producer().start();
    producer.wait_for_more(200).await;
    // Its successor has no replica until it follows, so that readings of its sites wait.
    let master = system.master_of_sites().await;
    system.isolate_master(master, async || {}).await;
    producer.wait_for_more(200).await;
    let report = system.check(&producer.stop().await).await;
    report.assert_invariants_hold();
    assert!(report.lost_by_redis <= A_FEW, "{report}");
}
