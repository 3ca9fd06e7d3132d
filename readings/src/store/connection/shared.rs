//! The connection that many callers use at once.
//!
//! - [`SharedConnection`]: many callers, one socket for each server, replies within seconds. Each use that must not wait
//!   for another (writes, queries, ingestion) opens one of its own.
//! - [`super::DedicatedConnection`]: one caller, one command at a time, which may block. On a shared
//!   socket a blocking command would delay every command behind it; and a read that is abandoned while
//!   the server still works on it would be delivered entries that are never received.
//!
//! Commands for a Redis Cluster are on the heap while they wait for their reply: the future of a command to one server
//! stays as small as it is.

use std::sync::Arc;

use redis::{Cmd, Pipeline, Script, ScriptInvocation, Value, cmd};

use super::cluster::SlotMap;
use super::cluster_connection::ClusterConnection;
use super::generation::Generation;
use super::node_connection::NodeConnection;
use super::replica_wait::ReplicaWaits;
use super::server::RedisServer;
use super::server_check::ServerCheck;
use crate::store::error::{ServerName, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

impl RedisServer {
    /// A connection for many callers. It connects at the first command, and again after each loss.
    #[must_use]
    pub fn shared(&self) -> SharedConnection {
        let servers = if self.is_cluster() {
            Servers::Cluster(ClusterConnection::new(self))
        } else {
            Servers::One(NodeConnection::new(self, None))
        };
        SharedConnection(servers, self.replica_wait().map(ReplicaWaits::new))
    }
}

/// A connection that many callers use at once; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct SharedConnection(Servers, Option<ReplicaWaits>);

/// Which masters of a Redis Cluster had which keys at a time; always the same with one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement(Option<Arc<SlotMap>>);

#[derive(Debug, Clone)]
enum Servers {
    One(NodeConnection),
    Cluster(ClusterConnection),
}

impl SharedConnection {
    /// Whether it leads to a Redis Cluster: a command goes to the node of its key, and may have keys of one slot only.
    #[must_use]
    pub const fn is_cluster(&self) -> bool {
        matches!(self.0, Servers::Cluster(_))
    }

    /// A connection to each master; with one server this one.
    pub(crate) async fn masters(&self) -> StoreResult<Vec<Self>> {
        match &self.0 {
            Servers::One(_) => Ok(vec![self.clone()]),
            Servers::Cluster(cluster) => {
                let masters = Box::pin(cluster.masters()).await?;
                Ok(masters.into_iter().map(|master| Self(Servers::One(master), None)).collect())
            }
        }
    }

    /// Where the keys are at present.
    pub(crate) async fn placement(&self) -> StoreResult<Placement> {
        Ok(Placement(match &self.0 {
            Servers::One(_) => None,
            Servers::Cluster(cluster) => Some(Box::pin(cluster.slot_map()).await?),
        }))
    }

    /// Reads from the replicas of a Redis Cluster that reply and follow their master, until they are asked again.
    pub(super) async fn admit_replicas(&self) -> StoreResult<()> {
        match &self.0 {
            Servers::One(_) => Ok(()),
            Servers::Cluster(cluster) => Box::pin(cluster.admit_replicas()).await,
        }
    }

    /// The connections that reads go over, each beside the one to its primary: of each shard of a Redis Cluster, which is
    /// named by its master.
    pub(super) async fn beside(&self, primary: &Self) -> StoreResult<Vec<(String, Self, Self)>> {
        let (Servers::Cluster(reads), Servers::Cluster(masters)) = (&self.0, &primary.0) else {
            return Ok(vec![(String::new(), self.clone(), primary.clone())]);
        };
        let one = |connection| Self(Servers::One(connection), None);
        let shards = Box::pin(reads.shards(masters)).await?.into_iter();
        Ok(shards.map(|it| (it.master, one(it.reads), one(it.primary))).collect())
    }

    /// Whether a server replies at all: of a Redis Cluster any master, as it serves the keys of its slots.
    ///
    /// # Errors
    /// When it cannot be reached, is loading, or cannot write to its disk.
    pub async fn ping(&self) -> StoreResult<()> {
        const PING: &str = "PING";
        match &self.0 {
            Servers::One(node) => node.send(PING, &cmd(PING)).await.map(drop),
            Servers::Cluster(_) => {
                let mut replies = Vec::new();
                for master in self.masters().await? {
                    replies.push(Box::pin(master.ping()).await);
                }
                of_reachable(replies).map(drop)
            }
        }
    }

    /// The present generation; the last one while there is no connection.
    #[must_use]
    pub fn generation(&self) -> Generation {
        match &self.0 {
            Servers::One(node) => node.generation(),
            Servers::Cluster(cluster) => cluster.generation(),
        }
    }

    /// The present generation, after connecting where there is no connection.
    pub(super) async fn connected(&self) -> StoreResult<Generation> {
        match &self.0 {
            Servers::One(node) => node.connect().await?,
            Servers::Cluster(cluster) => drop(Box::pin(cluster.slot_map()).await?),
        }
        Ok(self.generation())
    }

    /// The slot map of a Redis Cluster.
    pub(super) async fn slot_map(&self) -> StoreResult<Option<Arc<SlotMap>>> {
        Ok(self.placement().await?.0)
    }

    /// The server or the Redis Cluster, as errors name it.
    pub(super) fn shared_name(&self) -> &ServerName {
        match &self.0 {
            Servers::One(node) => node.server().shared_name(),
            Servers::Cluster(cluster) => cluster.server().shared_name(),
        }
    }

    /// The waits for replicas, if writes are confirmed by them.
    pub(super) const fn replica_waits(&self) -> Option<&ReplicaWaits> {
        self.1.as_ref()
    }

    /// Ends the present generation: Redis has lost data that it had acknowledged.
    pub(crate) fn invalidate(&self) {
        match &self.0 {
            Servers::One(node) => node.invalidate(),
            Servers::Cluster(cluster) => cluster.invalidate(),
        }
    }

    /// The result of the server check, of a Redis Cluster of all masters: which permissions are missing, and whether the
    /// stream has run out of ids. It is checked on connect, and again where a command was rejected since or something was
    /// missing.
    ///
    /// # Errors
    /// When the server cannot be reached or cannot be used.
    pub async fn server_check(&self) -> StoreResult<ServerCheck> {
        match &self.0 {
            Servers::One(node) => node.server_check().await,
            Servers::Cluster(cluster) => {
                let mut checks = Vec::new();
                for master in Box::pin(cluster.masters()).await? {
                    checks.push(Box::pin(master.server_check()).await);
                }
                let mut sum = ServerCheck::default();
                of_reachable(checks)?.into_iter().for_each(|check| sum.add(check));
                Ok(sum)
            }
        }
    }

    /// A reply whose shape the command's documentation does not describe.
    pub(crate) fn unexpected_reply(&self, operation: &'static str) -> StoreError {
        match &self.0 {
            Servers::One(node) => node.unexpected_reply(operation),
            Servers::Cluster(cluster) => cluster.unexpected_reply(operation),
        }
    }

    /// A finding about what the server has.
    pub(crate) fn found(
        &self,
        operation: &'static str,
        class: ErrorClass,
        text: String,
    ) -> StoreError {
        StoreError::found(self.shared_name(), operation, class, text)
    }

    /// Sends a command, to the node of its first key. Without a key it goes to any node.
    pub(crate) async fn send(&self, operation: &'static str, command: &Cmd) -> StoreResult<Value> {
        match &self.0 {
            Servers::One(node) => node.send(operation, command).await,
            Servers::Cluster(cluster) => Box::pin(cluster.send(operation, command)).await,
        }
    }

    /// Sends a command about a server, and not about a key, to the one that has this key.
    pub(crate) async fn send_to(
        &self,
        key: &str,
        operation: &'static str,
        command: &Cmd,
    ) -> StoreResult<Value> {
        match &self.0 {
            Servers::One(node) => node.send(operation, command).await,
            Servers::Cluster(cluster) => Box::pin(cluster.send_to(key, operation, command)).await,
        }
    }

    /// As [`SharedConnection::send`], but only in that generation: `None` when it has ended, and nothing
    /// was sent.
    pub(crate) async fn send_in_generation(
        &self,
        generation: Generation,
        operation: &'static str,
        command: &Cmd,
    ) -> StoreResult<Option<Value>> {
        match &self.0 {
            Servers::One(node) => node.send_in_generation(generation, operation, command).await,
            Servers::Cluster(cluster) => {
                Box::pin(cluster.send_in_generation(generation, operation, command)).await
            }
        }
    }

    /// Sends commands as one pipeline, or as one for each node; gives the reply to each, and the generation of all. Only
    /// those of one node are executed in their order.
    pub(crate) async fn send_all(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<(Vec<StoreResult<Value>>, Generation)> {
        match &self.0 {
            Servers::One(node) => node.send_all(operation, commands).await,
            Servers::Cluster(cluster) => Box::pin(cluster.send_all(operation, commands)).await,
        }
    }

    /// Runs a script by its hash (`EVALSHA`), and loads it first where the server does not know it. All its keys must be
    /// in one slot.
    pub(crate) async fn eval(
        &self,
        operation: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> StoreResult<Value> {
        match &self.0 {
            Servers::One(node) => node.eval(operation, script).await,
            Servers::Cluster(cluster) => Box::pin(cluster.eval(operation, script)).await,
        }
    }

    /// Sends an `EVALSHA` of this script as it is, and loads the script first where the server does not know it. For
    /// scripts with many arguments: [`ScriptInvocation`] allocates memory for each.
    pub(crate) async fn eval_command(
        &self,
        operation: &'static str,
        script: &Script,
        command: &Cmd,
    ) -> StoreResult<Value> {
        match &self.0 {
            Servers::One(node) => node.eval_command(operation, script, command).await,
            Servers::Cluster(cluster) => {
                Box::pin(cluster.eval_command(operation, script, command)).await
            }
        }
    }

    /// Runs commands as a transaction (`MULTI`, `EXEC`): all of them, or none. All their keys must be in one slot.
    pub(crate) async fn exec_atomic(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<Value> {
        match &self.0 {
            Servers::One(node) => node.exec_atomic(operation, commands).await,
            Servers::Cluster(cluster) => Box::pin(cluster.exec_atomic(operation, commands)).await,
        }
    }
}

/// What the masters replied, without those that cannot be reached while others can: a shard without a master does not
/// make the sites of the others unavailable.
pub(super) fn of_reachable<T>(replies: Vec<StoreResult<T>>) -> StoreResult<Vec<T>> {
    use ErrorClass::{Busy, Disconnected, Timeout};
    let (mut reached, mut unreachable) = (Vec::new(), None);
    for reply in replies {
        match reply {
            Ok(reply) => reached.push(reply),
            Err(error) if matches!(error.class, Busy | Disconnected | Timeout) => {
                unreachable = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    unreachable.filter(|_| reached.is_empty()).map_or(Ok(reached), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(class: ErrorClass) -> StoreResult<u8> {
        Err(StoreError::found(&"one:1".into(), "PING", class, "text"))
    }

    #[test]
    fn a_master_that_cannot_be_reached_counts_only_if_none_can() {
        let unreachable = || failed(ErrorClass::Disconnected);
        assert_eq!(of_reachable(vec![Ok(1), unreachable(), Ok(2)]).unwrap(), [1, 2]);
        let class = of_reachable(vec![unreachable(), failed(ErrorClass::Busy)]).unwrap_err().class;
        assert_eq!(class, ErrorClass::Busy);
        let class = of_reachable(vec![Ok(1), failed(ErrorClass::Denied)]).unwrap_err().class;
        assert_eq!(class, ErrorClass::Denied);
    }
}
