//! A real Redis Cluster on this machine: three masters with a replica each, and what can happen to it.
//!
//! Nodes have numbers: 0 to 2 start as masters of a third of the slots each, in their order, 3 to 5 as their replicas,
//! further ones are added empty. A node that was killed, stopped or isolated is not asked about the others.

mod health;
mod links;
mod moves;
mod view;

use std::collections::BTreeSet;
use std::fmt::Write;

use redis::{FromRedisValue, ToRedisArgs};

use self::links::Links;
pub use self::view::{NodeView, View};
use super::redis::{RedisServer, free_port};
use super::wait;

/// Masters at the start; each has a replica.
pub const SHARDS: usize = 3;

/// All hash slots.
pub const SLOTS: u16 = 16_384;

/// How long a node is unreachable before the others take it for failed. Lower: a busy machine fails nodes that work.
/// Higher: tests wait longer for a failover, which takes about twice as long.
pub const NODE_TIMEOUT_MS: u64 = 1_500;

/// A Redis Cluster that is stopped with its test.
pub struct Cluster {
    nodes: Vec<Node>,
    arguments: Vec<String>,
    /// `None`: the nodes reach each other directly.
    links: Option<Links>,
}

struct Node {
    server: RedisServer,
    /// The port that clients and other nodes use.
    port: u16,
    bus_port: u16,
    id: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Stopped,
    Killed,
    Isolated,
}

impl Cluster {
    /// Starts an empty cluster.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts an empty cluster whose nodes have further settings.
    pub async fn start_with(arguments: &[&str]) -> Self {
        Self::of(arguments, None).await
    }

    /// Starts an empty cluster whose nodes can be isolated from each other ([`Cluster::isolate`]).
    pub async fn start_divisible(arguments: &[&str]) -> Self {
        Self::of(arguments, Some(Links::default())).await
    }

    async fn of(arguments: &[&str], links: Option<Links>) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut cluster = Self { nodes: Vec::new(), arguments, links };
        for _ in 0..2 * SHARDS {
            cluster.start_node().await;
        }
        cluster.assign_slots().await;
        for node in 1..2 * SHARDS {
            cluster.meet(node).await;
        }
        cluster.wait_until_known().await;
        for shard in 0..SHARDS {
            let master = cluster.nodes[shard].id.clone();
            let replica = &cluster.nodes[SHARDS + shard].server;
            replica.run::<()>(&["CLUSTER", "REPLICATE", &master]).await;
        }
        cluster.wait_until_healthy().await;
        cluster
    }

    /// Starts a further node, empty; returns its number. Another process may have got one of its ports meanwhile, such as
    /// for a connection: then it gets others.
    async fn start_node(&mut self) -> usize {
        loop {
            let node = self.prepare_node().await;
            if self.nodes[node].server.try_start().await {
                self.nodes[node].has_started().await;
                return node;
            }
            self.nodes.pop();
            self.links.iter_mut().for_each(Links::remove_node);
        }
    }

    /// A node that is not started yet, and its number.
    async fn prepare_node(&mut self) -> usize {
        let listeners = Links::listen().await;
        let (number, bus) = (self.nodes.len(), free_port().to_string());
        let mut server = RedisServer::prepared(&[]);
        let (mut port, mut bus_port) = (server.port(), bus.parse().unwrap());
        let timeout = NODE_TIMEOUT_MS.to_string();
        let mut arguments = [
            [
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--cluster-announce-ip",
                "127.0.0.1",
            ],
            [
                "--cluster-node-timeout",
                &timeout,
                "--repl-diskless-sync-delay",
                "0",
                "--repl-timeout",
                "10",
            ],
        ]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
        if let Some(links) = &mut self.links {
            (port, bus_port) = links.add_node(listeners, (port, bus_port));
            arguments.extend(links.arguments(number));
        }
        arguments.extend(self.arguments.clone());
        server.set(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let (id, state) = (String::new(), State::Killed);
        self.nodes.push(Node { server, port, bus_port, id, state });
        number
    }

    async fn assign_slots(&self) {
        let third = usize::from(SLOTS) / SHARDS;
        for (shard, node) in self.nodes[..SHARDS].iter().enumerate() {
            let end = if shard + 1 == SHARDS { usize::from(SLOTS) } else { third * (shard + 1) };
            let (start, end) = ((third * shard).to_string(), (end - 1).to_string());
            let epoch = (shard + 1).to_string();
            node.server.run::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).await;
            node.server.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", &start, &end]).await;
        }
    }

    async fn meet(&self, node: usize) {
        let (port, bus) =
            (self.nodes[node].port.to_string(), self.nodes[node].bus_port.to_string());
        let meet = ["CLUSTER", "MEET", "127.0.0.1", &port, &bus];
        self.nodes[0].server.run::<()>(&meet).await;
    }

    /// The URL of the product: some nodes, by which it discovers the others.
    pub fn url(&self) -> String {
        let mut url = "redis+cluster://".to_owned();
        for (n, node) in self.nodes[..SHARDS].iter().enumerate() {
            write!(url, "{}127.0.0.1:{}", if n == 0 { "" } else { "," }, node.port).unwrap();
        }
        url
    }

    /// A node, in whatever state.
    pub fn node(&self, node: usize) -> &RedisServer {
        &self.nodes[node].server
    }

    /// The port at which clients reach a node.
    pub fn port(&self, node: usize) -> u16 {
        self.nodes[node].port
    }

    /// The master that owns a key's slot, by its number.
    pub async fn owner_of(&self, key: &str) -> usize {
        let slot = self.slot_of(key).await;
        let what = format!("slot {slot} has an owner");
        wait::until_some(&what, async || self.number_of(self.view().await.owner_of(slot)?)).await
    }

    /// The master that owns a key's slot.
    pub async fn server_of(&self, key: &str) -> &RedisServer {
        self.node(self.owner_of(key).await)
    }

    /// The hash slot of a key.
    pub async fn slot_of(&self, key: &str) -> u16 {
        self.ask(&["CLUSTER", "KEYSLOT", key]).await
    }

    /// The running masters that own slots, by their numbers, in their order.
    pub async fn masters(&self) -> Vec<usize> {
        let view = self.view().await;
        let owners = view.nodes.iter().filter(|node| node.is_master && !node.slots.is_empty());
        let owners = owners.filter_map(|node| self.number_of(node));
        let owners: BTreeSet<_> = owners.filter(|node| self.is_running(*node)).collect();
        owners.into_iter().collect()
    }

    /// The replicas of a master, by their numbers.
    pub async fn replicas_of(&self, master: usize) -> Vec<usize> {
        let id = self.nodes[master].id.as_str();
        let view = self.view().await;
        let replicas = view.nodes.iter().filter(|node| node.master.as_deref() == Some(id));
        replicas.filter_map(|node| self.number_of(node)).collect()
    }

    /// Runs a command on the master that owns a key.
    pub async fn run<T: FromRedisValue>(
        &self,
        key: &str,
        command: &[impl ToRedisArgs + Sync],
    ) -> T {
        self.server_of(key).await.run(command).await
    }

    /// Writes to the master that owns a key, and waits until its replica has it. `WAIT` is about the writes of its own
    /// connection: on another it returns at once.
    pub async fn write_to_both(&self, key: &str, command: &[&str]) {
        let mut connection = self.server_of(key).await.connect().await;
        let mut commands = redis::pipe();
        commands.cmd(command[0]).arg(&command[1..]).ignore().cmd("WAIT").arg(1).arg(0);
        let replicas: (u64,) = commands.query_async(&mut connection).await.unwrap();
        assert_eq!(replicas, (1,));
    }

    /// The cluster as one of the running nodes sees it.
    pub async fn view(&self) -> View {
        View::parse(&self.ask::<String>(&["CLUSTER", "NODES"]).await)
    }

    /// Runs a command on the first running node.
    async fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.running().next().expect("a node runs").ask(command).await
    }

    fn number_of(&self, node: &NodeView) -> Option<usize> {
        self.nodes.iter().position(|known| known.id == node.id)
    }

    fn is_running(&self, node: usize) -> bool {
        self.nodes[node].state == State::Running
    }

    fn running(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.state == State::Running)
    }

    /// Kills a node; its files are kept.
    pub fn kill(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        node.server.kill9();
        node.state = State::Killed;
    }

    /// Starts a killed node over its files: it follows the master that owns its slots meanwhile. It is asked about the
    /// others from then on, so it must have heard who owns which slots.
    pub async fn restart(&mut self, node: usize) {
        self.nodes[node].start().await;
        self.wait_until_owners_are_known().await;
    }

    /// Stops a node (`SIGSTOP`): it hangs.
    pub fn stop(&mut self, node: usize) {
        self.nodes[node].server.signal("STOP");
        self.nodes[node].state = State::Stopped;
    }

    /// Continues a stopped node (`SIGCONT`).
    pub fn resume(&mut self, node: usize) {
        self.nodes[node].server.signal("CONT");
        self.nodes[node].state = State::Running;
    }

    /// Cuts the network between a node and all others; clients still reach it. Only of a cluster that is
    /// [divisible](Cluster::start_divisible).
    pub fn isolate(&mut self, node: usize) {
        self.nodes[node].state = State::Isolated;
        self.set_isolated();
    }

    /// Ends [`Cluster::isolate`].
    pub fn reunite(&mut self, node: usize) {
        self.nodes[node].state = State::Running;
        self.set_isolated();
    }

    fn set_isolated(&self) {
        let isolated = |(n, node): (usize, &Node)| (node.state == State::Isolated).then_some(n);
        let isolated: BTreeSet<_> = self.nodes.iter().enumerate().filter_map(isolated).collect();
        self.links.as_ref().expect("the cluster is divisible").isolate(isolated);
    }
}

impl Node {
    async fn start(&mut self) {
        self.server.restart().await;
        self.has_started().await;
    }

    async fn has_started(&mut self) {
        self.state = State::Running;
        self.id = self.ask(&["CLUSTER", "MYID"]).await;
    }

    /// Runs a command that changes nothing. A node that has just become a replica replies with `LOADING` for a moment.
    async fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let what = format!("a node replies to {command:?}");
        wait::until_some(&what, async || self.server.try_run(command).await.ok()).await
    }
}
