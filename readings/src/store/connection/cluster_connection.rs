//! The connection to all nodes of a Redis Cluster that many callers use at once.
//!
//! A command goes to the master of its first key. One that a node redirects was not executed, and is sent again. There is
//! one generation for the connections to all nodes: an entry may be in the stream of one and its reading in the sorted
//! set of another, and a loss of either makes the earlier replies invalid.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, ConnectionAddr, Pipeline, RedisFuture, Script, ScriptInvocation, Value};
use tokio::time::sleep;

use super::cluster::{Redirection, Slot, SlotMap, first_key};
use super::generation::Generation;
use super::node_connection::NodeConnection;
use super::server::RedisServer;
use super::shard_reads::ShardReads;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

/// How often a command is redirected at most. Too low and one fails while slots are being migrated; too high and a caller
/// waits long where two nodes redirect it to each other.
const MAX_REDIRECTIONS: u32 = 16;

/// The pause before a command is sent again that a node cannot execute yet (`TRYAGAIN`). Too low: needless commands. Too
/// high: it is executed late.
const TRY_AGAIN_PAUSE: Duration = Duration::from_millis(25);

/// Connections to the nodes; cloning it is cheap.
#[derive(Debug, Clone)]
pub(super) struct ClusterConnection(Arc<State>);

#[derive(Debug)]
struct State {
    cluster: RedisServer,
    /// Those that were used, by their addresses and whether they are read from as replicas.
    nodes: Mutex<HashMap<(String, bool), Node>>,
    /// Number of the present generation; each node's connection increases it when it ends.
    generations: Arc<AtomicU64>,
    /// Set where replicas are read from.
    reads: Option<ShardReads>,
}

/// A node, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub address: ConnectionAddr,
    pub connection: NodeConnection,
}

/// What is sent to the node of a key.
#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    /// In a generation, or not at all.
    InGeneration(&'a Cmd, Generation),
    /// A script, and the command that runs it.
    Script(&'a Cmd, &'a ScriptInvocation<'a>),
    Transaction(&'a Pipeline),
}

impl Request<'_> {
    /// The slot of its first key.
    pub(super) fn slot(&self) -> Option<Slot> {
        let key = match self {
            Self::Command(command) | Self::InGeneration(command, _) | Self::Script(command, _) => {
                first_key(command)
            }
            Self::Transaction(commands) => commands.cmd_iter().find_map(first_key),
        };
        key.map(Slot::of)
    }
}

impl ClusterConnection {
    pub fn new(cluster: &RedisServer) -> Self {
        let (cluster, nodes, generations) = (cluster.clone(), Mutex::default(), Arc::default());
        let reads = cluster.is_for_reads().then(ShardReads::default);
        Self(Arc::new(State { cluster, nodes, generations, reads }))
    }

    /// The present generation. It ends here, too, if a connection was lost and no command has failed on it yet.
    pub fn generation(&self) -> Generation {
        self.nodes().values().for_each(|node| node.connection.discard_unusable());
        Generation(self.0.generations.load(Ordering::Acquire))
    }

    pub fn server(&self) -> &RedisServer {
        &self.0.cluster
    }

    /// Ends the present generation.
    pub fn invalidate(&self) {
        self.0.generations.fetch_add(1, Ordering::AcqRel);
    }

    /// Which replicas are read from, where any are.
    pub(super) fn reads(&self) -> Option<&ShardReads> {
        self.0.reads.as_ref()
    }

    pub fn unexpected_reply(&self, operation: &'static str) -> StoreError {
        StoreError::unexpected_reply(self.0.cluster.shared_name(), operation)
    }

    /// Connections to the masters that have slots.
    pub async fn masters(&self) -> StoreResult<Vec<NodeConnection>> {
        let map = self.0.cluster.slot_map().await?;
        let connection = |address| self.node(address).map(|node| node.connection);
        map.masters().iter().map(|master| connection(&master.address)).collect()
    }

    /// The slot map; another one when slots have moved.
    pub async fn slot_map(&self) -> StoreResult<Arc<SlotMap>> {
        self.0.cluster.slot_map().await
    }

    /// The node with a slot; without one, any.
    pub fn node_of(&self, map: &SlotMap, slot: Option<Slot>) -> StoreResult<Node> {
        let cluster = &self.0.cluster;
        let master = match slot {
            Some(slot) => cluster.master_of(map, slot)?,
            None => map.masters().first().ok_or_else(|| self.unexpected_reply("CLUSTER SLOTS"))?,
        };
        self.node(&master.address)
    }

    /// Sends a command to the node of its key.
    pub async fn send(&self, operation: &'static str, command: &Cmd) -> StoreResult<Value> {
        self.reply_to(operation, Request::Command(command)).await
    }

    /// Sends a command without a key to the node of this one.
    pub async fn send_to(
        &self,
        key: &str,
        operation: &'static str,
        command: &Cmd,
    ) -> StoreResult<Value> {
        let map = self.slot_map().await?;
        let node = self.node_of(&map, Some(Slot::of(key.as_bytes())))?;
        node.connection.send(operation, command).await
    }

    /// Sends a command that was redirected, for the first time to the node that it was redirected to.
    pub async fn send_redirected(
        &self,
        operation: &'static str,
        command: &Cmd,
        redirection: Redirection,
    ) -> StoreResult<Value> {
        match redirection {
            Redirection::Once(address) => {
                let asked = self.node(&address)?;
                let asked = asked.connection.send_once(operation, command, true).await;
                match asked {
                    Err(error) if Redirection::of(&error, &address).is_some() => {}
                    asked => return asked,
                }
            }
            Redirection::ToOwner => drop(self.0.cluster.refreshed_slot_map().await?),
            Redirection::Later => sleep(TRY_AGAIN_PAUSE).await,
        }
        self.send(operation, command).await
    }

    /// As [`ClusterConnection::send`], but only in that generation: `None` when it has ended.
    pub async fn send_in_generation(
        &self,
        generation: Generation,
        operation: &'static str,
        command: &Cmd,
    ) -> StoreResult<Option<Value>> {
        self.routed(operation, Request::InGeneration(command, generation)).await
    }

    /// Runs a script at the node of its keys, and loads it there first where the node does not know it.
    pub async fn eval(
        &self,
        operation: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> StoreResult<Value> {
        let command = command_of(script).await.ok_or_else(|| self.unexpected_reply(operation))?;
        self.reply_to(operation, Request::Script(&command, script)).await
    }

    /// As [`ClusterConnection::eval`], with a command that was built for it.
    pub async fn eval_command(
        &self,
        operation: &'static str,
        script: &Script,
        command: &Cmd,
    ) -> StoreResult<Value> {
        self.reply_to(operation, Request::Script(command, &script.prepare_invoke())).await
    }

    /// Runs commands, all of one slot, as a transaction.
    pub async fn exec_atomic(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<Value> {
        self.reply_to(operation, Request::Transaction(commands)).await
    }

    async fn reply_to(&self, operation: &'static str, request: Request<'_>) -> StoreResult<Value> {
        if let Some(reply) = self.reply_of_replica(operation, request).await? {
            return Ok(reply);
        }
        Ok(self.routed(operation, request).await?.unwrap_or(Value::Nil))
    }

    /// Sends a request to the node of its key, and again while nodes redirect it. `None` where its generation has ended.
    async fn routed(
        &self,
        operation: &'static str,
        request: Request<'_>,
    ) -> StoreResult<Option<Value>> {
        let cluster = &self.0.cluster;
        let (mut map, mut asked, mut redirections) = (cluster.slot_map().await?, None, 0);
        loop {
            let (node, is_asking) = match asked.take() {
                Some(address) => (self.node(&address)?, true),
                None => (self.node_of(&map, request.slot())?, false),
            };
            let reply = self.attempt(operation, request, &node, is_asking).await;
            let Err(error) = &reply else { return reply };
            self.poll_if_lost(error);
            redirections += 1;
            let redirection = Redirection::of(error, &node.address);
            match redirection.filter(|_| redirections <= MAX_REDIRECTIONS) {
                None => return reply,
                Some(Redirection::Once(address)) => asked = Some(address),
                Some(Redirection::ToOwner) => map = cluster.refreshed_slot_map().await?,
                Some(Redirection::Later) => {
                    sleep(TRY_AGAIN_PAUSE).await;
                    map = cluster.slot_map().await?;
                }
            }
        }
    }

    /// Sends a request to a node. `is_asking`: another one has redirected it to this one, for once (`ASKING`).
    pub(super) async fn attempt(
        &self,
        operation: &'static str,
        request: Request<'_>,
        node: &Node,
        is_asking: bool,
    ) -> StoreResult<Option<Value>> {
        let connection = &node.connection;
        if let Request::InGeneration(_, generation) = request {
            // Connects first: with a connection that is replaced here the generation ends.
            connection.connect().await?;
            if self.generation() != generation {
                return Ok(None);
            }
        }
        let reply = match request {
            Request::Command(command) | Request::InGeneration(command, _) => {
                connection.send_once(operation, command, is_asking).await
            }
            Request::Script(command, script) => {
                let reply = connection.send_once(operation, command, is_asking).await;
                if reply.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT")) {
                    connection.load(operation, script).await?;
                    connection.send_once(operation, command, is_asking).await
                } else {
                    reply
                }
            }
            Request::Transaction(commands) => {
                if is_asking {
                    // Each of its commands would have to ask: it waits until the slot is migrated.
                    sleep(TRY_AGAIN_PAUSE).await;
                }
                connection.exec_atomic(operation, commands).await
            }
        };
        reply.map(Some)
    }

    /// A node that cannot be reached may have been replaced.
    pub(super) fn poll_if_lost(&self, error: &StoreError) {
        if matches!(error.class, ErrorClass::Disconnected | ErrorClass::Timeout)
            && let Some(topology) = self.0.cluster.topology()
        {
            topology.poll_now();
        }
    }

    pub(super) fn node(&self, address: &ConnectionAddr) -> StoreResult<Node> {
        self.node_in_role(address, false)
    }

    /// A node that is read from as a replica.
    pub(super) fn replica(&self, address: &ConnectionAddr) -> StoreResult<Node> {
        self.node_in_role(address, true)
    }

    fn node_in_role(&self, address: &ConnectionAddr, is_replica: bool) -> StoreResult<Node> {
        let name = (super::address::shown(address), is_replica);
        if let Some(node) = self.nodes().get(&name) {
            return Ok(node.clone());
        }
        let cluster = &self.0.cluster;
        let server = if is_replica { cluster.replica(address) } else { cluster.node(address) }?;
        let of_cluster = Some(Arc::clone(&self.0.generations));
        let connection = NodeConnection::new(&server, of_cluster);
        let node = Node { address: address.clone(), connection };
        // Another caller may have added it meanwhile.
        Ok(self.nodes().entry(name).or_insert(node).clone())
    }

    fn nodes(&self) -> std::sync::MutexGuard<'_, HashMap<(String, bool), Node>> {
        // A poisoned lock is safe: nodes are only ever added as a whole.
        self.0.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The `EVALSHA` of an invocation, which the client library shows only to a connection.
async fn command_of(script: &ScriptInvocation<'_>) -> Option<Cmd> {
    struct Capture(Option<Cmd>);

    impl ConnectionLike for Capture {
        fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
            self.0 = Some(command.clone());
            Box::pin(std::future::ready(Ok(Value::Nil)))
        }

        fn req_packed_commands<'a>(
            &'a mut self,
            _: &'a Pipeline,
            _: usize,
            _: usize,
        ) -> RedisFuture<'a, Vec<Value>> {
            Box::pin(std::future::ready(Ok(Vec::new())))
        }

        fn get_db(&self) -> i64 {
            0
        }
    }

    let mut capture = Capture(None);
    let _: Result<Value, _> = script.invoke_async(&mut capture).await;
    capture.0
}

#[cfg(test)]
mod reads_tests;
#[cfg(test)]
mod scripted_cluster;
#[cfg(test)]
mod tests;
