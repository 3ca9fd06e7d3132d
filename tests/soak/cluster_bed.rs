//! The faults of a cluster, one at a time, each until the cluster is healthy again: with one replica a shard, a second
//! failure would lose the shard.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use tokio::time::sleep;

use crate::common::cluster::Cluster;
use crate::support::checker::StoredAs;
use crate::support::cluster_faults::{isolate_master, kill_master, stop_master};
use crate::support::rng::Rng;

/// How long a master that was replaced stays stopped or isolated, in milliseconds.
const REPLACED_FOR: (u64, u64) = (200, 4_000);

/// Keys whose slots a move takes, at most.
const MOVED_KEYS: u64 = 6;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KillMaster,
    KillReplica,
    FailOver,
    StopMaster,
    IsolateMaster,
    MoveSlots,
}

/// A cluster that is broken and healed.
pub struct ClusterBed {
    pub cluster: Cluster,
    keys: Vec<String>,
    rng: Rng,
    /// What asynchronous replication lost.
    pub lost_by_redis: BTreeSet<StoredAs>,
    /// The URL of the archive that has archived days.
    pub archive: Option<String>,
    injected: BTreeMap<Fault, u32>,
}

impl ClusterBed {
    /// Moves the slots of these keys, among others.
    pub async fn with(keys: Vec<String>, seed: u64) -> Self {
        Self {
            cluster: Cluster::start_divisible(&[]).await,
            keys,
            rng: Rng::seeded(seed),
            lost_by_redis: BTreeSet::new(),
            archive: None,
            injected: BTreeMap::new(),
        }
    }

    /// Injects a fault and waits until the cluster is healthy again.
    pub async fn inject_one(&mut self) {
        let faults = [
            Fault::KillMaster,
            Fault::KillMaster,
            Fault::KillReplica,
            Fault::FailOver,
            Fault::StopMaster,
            Fault::IsolateMaster,
            Fault::MoveSlots,
            Fault::MoveSlots,
        ];
        let fault = *self.rng.pick(&faults);
        *self.injected.entry(fault).or_default() += 1;
        let masters = self.cluster.masters().await;
        let node = *self.rng.pick(&masters);
        println!("         {fault:?} (node {node})");
        let known = self.lost_by_redis.len();
        self.inject(fault, node).await;
        self.cluster.wait_until_healthy().await;
        let lost = self.lost_by_redis.len() - known;
        if lost > 0 {
            println!("         Redis has lost {lost} entries or readings");
        }
    }

    async fn inject(&mut self, fault: Fault, master: usize) {
        let pause = Duration::from_millis(self.rng.between(REPLACED_FOR.0, REPLACED_FOR.1));
        let (cluster, archive) = (&mut self.cluster, self.archive.as_deref());
        match fault {
            Fault::KillMaster => {
                let (_, lost) = kill_master(cluster, master, archive).await;
                self.lost_by_redis.extend(lost);
                sleep(pause).await;
                self.cluster.restart(master).await;
            }
            Fault::KillReplica => {
                let replica = self.cluster.replicas_of(master).await[0];
                self.cluster.kill(replica);
                sleep(pause).await;
                self.cluster.restart(replica).await;
            }
            Fault::FailOver => {
                let replica = self.cluster.replicas_of(master).await[0];
                self.cluster.fail_over_to(replica).await;
            }
            Fault::StopMaster => {
                let pause = async || sleep(pause).await;
                let (_, lost) = stop_master(cluster, master, archive, pause).await;
                self.lost_by_redis.extend(lost);
            }
            Fault::IsolateMaster => {
                let pause = async || sleep(pause).await;
                let (_, lost) = isolate_master(cluster, master, archive, pause).await;
                self.lost_by_redis.extend(lost);
            }
            Fault::MoveSlots => self.move_slots(master).await,
        }
    }

    /// Gives a master the slots of some keys.
    async fn move_slots(&mut self, to: usize) {
        for _ in 0..self.rng.between(1, MOVED_KEYS + 1) {
            let key = self.rng.pick(&self.keys).clone();
            self.cluster.move_slot(self.cluster.slot_of(&key).await, to).await;
        }
    }

    /// The ports of all masters.
    pub async fn master_ports(&self) -> Vec<u16> {
        let masters = self.cluster.masters().await.into_iter();
        masters.map(|master| self.cluster.node(master).port()).collect()
    }
}

impl fmt::Display for ClusterBed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.injected)
    }
}
