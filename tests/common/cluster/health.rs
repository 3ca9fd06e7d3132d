//! When a cluster is in a state: not one node, but each of those that run must see it. Nodes hear from each other with a delay
//! of up to half the node timeout, so what one sees already is news to another.

use std::fs;
use std::time::Instant;

use redis::Value;

use super::{Cluster, Node, NodeView, State, View};
use crate::common::wait;

/// How often a failover by hand is begun. One that a node has not voted for, as it had not heard of the replica yet, is given
/// up after five seconds (`CLUSTER_MF_TIMEOUT` of Redis).
const FAILOVER_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_secs(6);

impl Cluster {
    /// Makes a replica the master of its shard, without loss (`CLUSTER FAILOVER`).
    pub async fn fail_over_to(&self, replica: usize) {
        let mut begun: Option<Instant> = None;
        wait::until(&format!("node {replica} is the master of its shard"), async || {
            if begun.is_none_or(|begun| begun.elapsed() > FAILOVER_AGAIN_AFTER) {
                let reply = self.node(replica).try_run::<()>(&["CLUSTER", "FAILOVER"]).await;
                // Err: its link to the master is down for a moment.
                begun = reply.is_ok().then(Instant::now);
            }
            let is_master = |node: &NodeView| node.is_master && !node.slots.is_empty();
            let id = &self.nodes[replica].id;
            let views = self.views().await;
            views.is_some_and(|views| views.iter().all(|v| v.node(id).is_some_and(is_master)))
        })
        .await;
    }

    /// Waits until the slots of a node that failed have another owner; returns its number.
    pub async fn wait_until_replaced(&self, node: usize) -> usize {
        let slot = self.nodes[node].last_slot();
        let id = &self.nodes[node].id;
        wait::until_some(&format!("node {node} is replaced"), async || {
            let views = self.views().await?;
            let gone = |view: &View| view.node(id).is_none_or(|node| node.slots.is_empty());
            let replaced = views.iter().all(|view| view.is_covered() && gone(view));
            let owners = views.iter().map(|view| self.number_of(view.owner_of(slot)?));
            replaced.then(|| all_equal(owners)).flatten().flatten()
        })
        .await
    }

    /// Waits until all running nodes find all slots served, see the same masters, replicas and slots, and every replica
    /// follows its master.
    pub async fn wait_until_healthy(&self) {
        wait::until("the cluster is healthy", async || {
            let Some(views) = self.views().await else { return false };
            let running = views.len();
            let agreed = all_equal(views.iter().map(View::topology)).is_some();
            if !agreed || !views.iter().all(|v| v.is_covered() && v.reachable().count() == running)
            {
                return false;
            }
            for (node, view) in self.running().zip(&views) {
                if !node.is_healthy(view).await {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// Waits until each running node knows all the others.
    pub(super) async fn wait_until_known(&self) {
        wait::until("the nodes know each other", async || {
            let views = self.views().await;
            views.is_some_and(|all| all.iter().all(|view| view.reachable().count() == all.len()))
        })
        .await;
    }

    /// Waits until the running nodes see the same owner of each slot.
    pub(super) async fn wait_until_owners_are_known(&self) {
        wait::until("the nodes agree on the owners of all slots", async || {
            let views = self.views().await;
            views.is_some_and(|views| all_equal(views.iter().map(View::owners)).is_some())
        })
        .await;
    }

    /// Waits until all running nodes name a replica of each master to clients: they have heard that it has synchronized.
    pub async fn wait_until_replicas_are_named(&self) {
        wait::until("each node names a replica of each master", async || {
            for node in self.running() {
                let ranges: Vec<Vec<Value>> = node.ask(&["CLUSTER", "SLOTS"]).await;
                // Its first and last slot, its master, and the replicas.
                if ranges.iter().any(|range| range.len() < 4) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// The cluster as each running node sees it; `None` while one does not reply.
    async fn views(&self) -> Option<Vec<View>> {
        let mut views = Vec::new();
        for node in self.running() {
            let text = node.server.try_run::<String>(&["CLUSTER", "NODES"]).await.ok()?;
            views.push(View::parse(&text));
        }
        Some(views)
    }
}

impl Node {
    /// Whether it serves, and follows its master if it has one, all replicas of which follow it otherwise.
    async fn is_healthy(&self, view: &View) -> bool {
        // A node that has just become a replica replies with LOADING for a moment.
        let info = self.server.try_run::<String>(&["CLUSTER", "INFO"]).await;
        let replication = self.server.try_run::<String>(&["INFO", "replication"]).await;
        let (Ok(info), Ok(replication)) = (info, replication) else { return false };
        let is_master = view.node(&self.id).is_some_and(|own| own.is_master);
        let replicas = view.nodes.iter().filter(|n| n.master.as_ref() == Some(&self.id)).count();
        let follows = if is_master {
            replication.contains(&format!("connected_slaves:{replicas}"))
        } else {
            replication.contains("master_link_status:up")
        };
        info.contains("cluster_state:ok") && follows
    }

    /// A slot that it owned when it last ran, by its own file.
    fn last_slot(&self) -> u16 {
        assert_ne!(self.state, State::Running, "it has failed");
        let text = fs::read_to_string(self.server.directory().join("nodes.conf")).unwrap();
        let view = View::parse(&text);
        let slots = view.node(&self.id).and_then(|own| own.slots.first());
        *slots.expect("it was a master").start()
    }
}

/// The value that all are; `None` where two differ, and without values.
fn all_equal<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
