//! Reads of a Redis Cluster from replicas: one of each shard, and its master while none can be read from.
//!
//! A replica of Redis does not know which slots its master migrates (one of Valkey does): where the master would redirect
//! (`ASK`), the replica replies as if a key that has been moved did not exist. So what a replica does not have is asked of its master, and what a script
//! has read of several keys counts only if the master then has them, too.

use futures_util::future::join_all;
use redis::{Cmd, ConnectionAddr, Pipeline, Value, cmd};

use super::cluster::{Master, NodeId, Slot, SlotMap, first_key, script_keys};
use super::cluster_connection::{ClusterConnection, Node, Request};
use super::cluster_pipeline::{NodeCommands, Replies, grouped, send_groups};
use super::generation::Generation;
use super::node_connection::NodeConnection;
use super::replication_info::follows_its_primary;
use super::reply;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

/// The connections of one shard.
pub(super) struct ShardConnections {
    pub master: NodeId,
    pub reads: NodeConnection,
    pub primary: NodeConnection,
}

impl ClusterConnection {
    /// Reads from a replica; `None` where the master must be asked.
    pub(super) async fn reply_of_replica(
        &self,
        operation: &'static str,
        request: Request<'_>,
    ) -> StoreResult<Option<Value>> {
        let is_read = matches!(request, Request::Command(_) | Request::Script(..));
        if self.reads().is_none() || !is_read {
            return Ok(None);
        }
        let Some(slot) = request.slot() else { return Ok(None) };
        let map = self.slot_map().await?;
        let Some(replica) = self.replica_of(&map, slot)? else { return Ok(None) };
        let reply = match self.attempt(operation, request, &replica, false).await {
            Ok(reply) => reply.filter(|reply| !is_empty(reply)),
            Err(error) => {
                self.avoid(&map, slot, &replica, &error)?;
                None
            }
        };
        match (reply, request) {
            (Some(reply), Request::Script(command, _)) => {
                Ok(self.master_has_keys_of(command).await?.then_some(reply))
            }
            (reply, _) => Ok(reply),
        }
    }

    /// Reads from a replica of each shard, and from the masters what the replicas do not have. `None` where no replicas
    /// are read from.
    pub(super) async fn replies_of_replicas(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<Option<(Replies, Generation)>> {
        let is_read = |command: &Cmd| first_key(command).is_some();
        if self.reads().is_none() || !commands.cmd_iter().all(is_read) {
            return Ok(None);
        }
        let map = self.slot_map().await?;
        let groups = grouped(commands, |slot| {
            let replica = slot.map(|slot| self.replica_of(&map, slot)).transpose()?.flatten();
            replica.map_or_else(|| self.node_of(&map, slot), Ok)
        })?;
        let generation = self.generation();
        let mut replies: Vec<Option<Value>> = vec![None; commands.len()];
        for (group, received) in groups.iter().zip(send_groups(operation, &groups).await) {
            let received = received.or_else(|error| self.without_replies(&map, group, &error))?;
            let is_master = map.masters().iter().any(|it| it.address == group.node.address);
            for (&place, reply) in group.places.iter().zip(received) {
                replies[place] = reply.ok().filter(|reply| is_master || !is_empty(reply));
            }
        }
        let replies = self.completed(operation, commands, replies).await?;
        Ok(Some((replies, generation)))
    }

    /// Asks all replicas, and reads from those that reply and follow their master until they are asked again. One that has
    /// just been started has data of long ago, of which no lag is known.
    pub(super) async fn admit_replicas(&self) -> StoreResult<()> {
        let Some(reads) = self.reads() else { return Ok(()) };
        let map = self.slot_map().await?;
        let asking = map.masters().iter().map(|master| async {
            let asked = map.replicas_of(master).map(|replica| self.if_following(replica));
            let following = join_all(asked.collect::<Vec<_>>()).await;
            reads.admit(master, following.into_iter().flatten().collect());
        });
        join_all(asking.collect::<Vec<_>>()).await;
        Ok(())
    }

    async fn if_following(&self, replica: &ConnectionAddr) -> Option<ConnectionAddr> {
        const INFO: &str = "INFO";
        let connection = self.replica(replica).ok()?.connection;
        let info = connection.send(INFO, cmd(INFO).arg("replication")).await.ok()?;
        follows_its_primary(&reply::text(info)?).then(|| replica.clone())
    }

    /// The connections that each shard is read over.
    pub(super) async fn shards(&self, primary: &Self) -> StoreResult<Vec<ShardConnections>> {
        let map = self.slot_map().await?;
        let connections = |master: &Master| {
            let replica = self.replica_of_master(&map, master)?;
            let reads = replica.map_or_else(|| self.node(&master.address), Ok)?.connection;
            let primary = primary.node(&master.address)?.connection;
            Ok(ShardConnections { master: master.id.clone(), reads, primary })
        };
        map.masters().iter().map(connections).collect()
    }

    /// The replies of replicas, and those of the masters where there are none.
    async fn completed(
        &self,
        operation: &'static str,
        commands: &Pipeline,
        replies: Vec<Option<Value>>,
    ) -> StoreResult<Replies> {
        let mut missing = Pipeline::new();
        for (command, _) in commands.cmd_iter().zip(&replies).filter(|(_, reply)| reply.is_none()) {
            missing.add_command(command.clone());
        }
        let mut of_masters = Vec::new().into_iter();
        if !missing.is_empty() {
            of_masters = self.send_all_to_masters(operation, &missing).await?.0.into_iter();
        }
        let of_master =
            || of_masters.next().unwrap_or_else(|| Err(self.unexpected_reply(operation)));
        Ok(complete(replies, of_master))
    }

    /// A replica that failed is avoided; a master that did is asked once more.
    fn without_replies(
        &self,
        map: &SlotMap,
        group: &NodeCommands,
        error: &StoreError,
    ) -> StoreResult<Replies> {
        if let Some(key) = group.commands.cmd_iter().find_map(first_key) {
            self.avoid(map, Slot::of(key), &group.node, error)?;
        }
        Ok(Vec::new())
    }

    fn replica_of(&self, map: &SlotMap, slot: Slot) -> StoreResult<Option<Node>> {
        self.replica_of_master(map, self.server().master_of(map, slot)?)
    }

    fn replica_of_master(&self, map: &SlotMap, master: &Master) -> StoreResult<Option<Node>> {
        let Some(reads) = self.reads() else { return Ok(None) };
        let (replica, has_changed) = reads.replica_of(map, master);
        if has_changed {
            // What two nodes reply is not of one time.
            self.invalidate();
        }
        replica.map(|replica| self.replica(&replica)).transpose()
    }

    /// Does not read from a replica until it is admitted again, where an error is its own, and not about a key.
    fn avoid(&self, map: &SlotMap, slot: Slot, node: &Node, error: &StoreError) -> StoreResult<()> {
        self.poll_if_lost(error);
        let master = self.server().master_of(map, slot)?;
        let is_about_key = matches!(error.class, ErrorClass::WrongType | ErrorClass::Other)
            || matches!(error.code(), Some("ASK" | "TRYAGAIN"));
        if node.address != master.address
            && !is_about_key
            && let Some(reads) = self.reads()
        {
            reads.avoid(master, &node.address, error);
        }
        Ok(())
    }

    /// Whether the master can reply about the keys of a script itself: it redirects when it has moved some of them.
    async fn master_has_keys_of(&self, script: &Cmd) -> StoreResult<bool> {
        const EXISTS: &str = "EXISTS";
        let keys = script_keys(script);
        let [_, _, ..] = keys[..] else { return Ok(true) };
        let mut exists = cmd(EXISTS);
        exists.arg(&keys);
        let map = self.slot_map().await?;
        let master = self.node_of(&map, keys.first().map(|key| Slot::of(key)))?;
        Ok(master.connection.send(EXISTS, &exists).await.is_ok())
    }
}

/// The replies, each from the second source where the first has none.
fn complete(
    replies: Vec<Option<Value>>,
    mut of_master: impl FnMut() -> StoreResult<Value>,
) -> Replies {
    replies.into_iter().map(|reply| reply.map_or_else(&mut of_master, Ok)).collect()
}

/// Whether a reply is what a node says of keys that it does not have.
fn is_empty(reply: &Value) -> bool {
    match reply {
        Value::Nil | Value::Int(0) | Value::Boolean(false) => true,
        // The cursor of a scan that has ended.
        Value::BulkString(text) => text.is_empty() || text == b"0",
        Value::Array(items) | Value::Set(items) => items.iter().all(is_empty),
        Value::Map(pairs) => pairs.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_about_keys_that_do_not_exist_is_empty() {
        let parse = |reply: &[u8]| redis::parse_redis_value(reply).unwrap();
        for empty in [
            &b"$-1\r\n"[..],
            b":0\r\n",
            b"*0\r\n",
            b"*2\r\n$-1\r\n$-1\r\n",
            b"*2\r\n$1\r\n0\r\n*0\r\n",
            b"%0\r\n",
        ] {
            assert!(is_empty(&parse(empty)), "{empty:?}");
        }
        for reply in [&b":3\r\n"[..], b"*2\r\n$-1\r\n$1\r\na\r\n", b"%1\r\n$1\r\na\r\n$1\r\nb\r\n"]
        {
            assert!(!is_empty(&parse(reply)), "{reply:?}");
        }
    }
}
