//! The system under test on a Redis Cluster.

use std::collections::BTreeSet;

use super::checker::{Checker, StoredAs};
use super::cluster_faults::{isolate_master, kill_master, stop_master};
use super::ledger::Ledger;
use super::producer::Producer;
use super::report::Report;
use super::system::consumer;
use crate::common::cluster::Cluster;
use crate::common::product::{Launch, Role, ingestion_api};
use crate::common::redis::STREAM;
use crate::common::wait;

/// Sites of a [`Producer`].
const SITES: usize = 8;

/// An ingestion API and two processing services on a cluster.
pub struct ClusterSystem {
    pub cluster: Cluster,
    pub ingestion: Role,
    pub processing: Vec<Role>,
    partitions: u16,
    lost_by_redis: BTreeSet<StoredAs>,
}

impl ClusterSystem {
    /// On a new cluster, with this number of partitions of the stream.
    pub async fn start(partitions: u16) -> Self {
        Self::on(Cluster::start().await, partitions).await
    }

    /// On this cluster.
    pub async fn on(cluster: Cluster, partitions: u16) -> Self {
        let set = |launch: Launch| {
            launch.env("REDIS_URL", cluster.url()).env("STREAM_PARTITIONS", partitions)
        };
        let node = cluster.node(0);
        let ingestion = set(ingestion_api(node)).start().await;
        let mut processing = Vec::new();
        for n in 1..=2 {
            processing.push(set(consumer(node, n)).start().await);
        }
        let system =
            Self { cluster, ingestion, processing, partitions, lost_by_redis: BTreeSet::new() };
        system.wait_until_ready().await;
        system
    }

    /// Waits until all services are ready.
    pub async fn wait_until_ready(&self) {
        for role in std::iter::once(&self.ingestion).chain(&self.processing) {
            wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
        }
    }

    /// A producer that sends to the ingestion API, and retries by its key what has an unknown outcome.
    pub fn producer(&self) -> Producer {
        Producer::to([self.ingestion.base()]).keyed()
    }

    /// The streams.
    pub fn streams(&self) -> Vec<String> {
        match self.partitions {
            1 => vec![STREAM.to_owned()],
            several => (0..several).map(|n| format!("{STREAM}:{{{n}}}")).collect(),
        }
    }

    /// The master of a stream.
    pub async fn master_of_a_stream(&self) -> usize {
        self.cluster.owner_of(&self.streams()[0]).await
    }

    /// A master that has sites of the producers and, with one partition, no stream.
    pub async fn master_of_sites(&self) -> usize {
        let of_stream = self.master_of_a_stream().await;
        for site in 0..SITES {
            let owner = self.cluster.owner_of(&format!("site:site-{site}:readings")).await;
            if owner != of_stream {
                return owner;
            }
        }
        panic!("all sites are on node {of_stream}");
    }

    /// Kills a master and waits until another is in its place; returns its number.
    pub async fn kill_master(&mut self, node: usize) -> usize {
        let (promoted, lost) = kill_master(&mut self.cluster, node, None).await;
        self.lost_by_redis.extend(lost);
        promoted
    }

    /// Stops a master for longer than the node timeout, and `meanwhile`.
    pub async fn stop_master(&mut self, node: usize, meanwhile: impl AsyncFnOnce()) {
        let (_, lost) = stop_master(&mut self.cluster, node, None, meanwhile).await;
        self.lost_by_redis.extend(lost);
    }

    /// Cuts a master off from the others for longer than the node timeout, and `meanwhile`.
    pub async fn isolate_master(&mut self, node: usize, meanwhile: impl AsyncFnOnce()) {
        let (_, lost) = isolate_master(&mut self.cluster, node, None, meanwhile).await;
        self.lost_by_redis.extend(lost);
    }

    /// Compares the ledger with the contents of all masters.
    pub async fn check(&self, ledger: &Ledger) -> Report {
        let masters = self.cluster.masters().await;
        let ports = masters.into_iter().map(|master| self.cluster.node(master).port());
        let consumers = (1..=self.processing.len()).map(|n| format!("consumer-{n}"));
        let checker = Checker::of_all(ports).live(consumers);
        let report = checker.excusing_readings(self.lost_by_redis.clone()).check(ledger).await;
        println!("{} partitions: {report}", self.partitions);
        report
    }
}
