//! One poll of the nodes of a Redis Cluster.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{ConnectionAddr, Value, pipe};
use tokio::time::{Instant, timeout, timeout_at};

use super::node_report::NodeReport;
use super::slot_map::SlotMap;
use crate::store::connection::address::shown;
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::{ErrorClass, is_unknown_command};

/// How long a node may take to connect and to reply. Too low and a busy one is passed over; too high and a hanging one
/// delays the first poll.
const NODE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a poll waits for further nodes when one has replied. Too low and nodes that are slower are passed over; too
/// high and a hanging one delays each poll.
const GRACE: Duration = Duration::from_millis(250);

/// Nodes that are polled at once. Too low and the nodes that know of a failover are polled late; too high and those of a
/// large cluster are loaded by each process.
const MAX_POLLED: usize = 12;

/// Connects to the node at an address.
pub(in super::super) type Connecting = Box<
    dyn Fn(ConnectionAddr) -> BoxFuture<'static, StoreResult<MultiplexedConnection>> + Send + Sync,
>;

/// Polls nodes, over connections that it keeps.
pub(super) struct NodePoll {
    seeds: Vec<ConnectionAddr>,
    connect: Connecting,
    connections: HashMap<String, MultiplexedConnection>,
    /// How many polls there were: with many nodes each polls others.
    polls: usize,
}

type Polled = (ConnectionAddr, StoreResult<(MultiplexedConnection, NodeReport)>);

impl NodePoll {
    pub fn new(seeds: Vec<ConnectionAddr>, connect: Connecting) -> Self {
        Self { seeds, connect, connections: HashMap::new(), polls: 0 }
    }

    /// The slot map by the nodes that reply.
    pub async fn poll(&mut self, known: Option<&SlotMap>) -> StoreResult<SlotMap> {
        let targets = self.targets(known);
        self.polls += 1;
        let names: Vec<_> = targets.iter().map(shown).collect();
        let mut connections: HashMap<_, _> =
            names.iter().filter_map(|name| self.connections.remove_entry(name)).collect();
        let polling = targets.into_iter().map(|at| {
            let connection = connections.remove(&shown(&at));
            self.node(at, connection)
        });
        let polled = received(polling.collect()).await;
        let (mut reports, mut failures) = (Vec::new(), Vec::new());
        for (at, result) in polled {
            match result {
                Ok((connection, report)) => {
                    self.connections.insert(shown(&at), connection);
                    reports.push(report);
                }
                Err(failure) => failures.push(failure),
            }
        }
        if reports.is_empty() {
            return Err(most_specific(failures));
        }
        Ok(SlotMap::merge(&reports, known))
    }

    /// The nodes of the map, and the seeds where they are others or there is no map.
    fn targets(&self, known: Option<&SlotMap>) -> Vec<ConnectionAddr> {
        let mut targets: Vec<ConnectionAddr> = Vec::new();
        for node in known.into_iter().flat_map(SlotMap::nodes).chain(&self.seeds) {
            if !targets.contains(node) {
                targets.push(node.clone());
            }
        }
        if targets.len() > MAX_POLLED {
            let first = self.polls * MAX_POLLED % targets.len();
            targets.rotate_left(first);
            targets.truncate(MAX_POLLED);
        }
        targets
    }

    async fn node(&self, at: ConnectionAddr, connection: Option<MultiplexedConnection>) -> Polled {
        let name: ServerName = shown(&at).into();
        let polling = async {
            let mut connection = match connection {
                Some(connection) => connection,
                None => (self.connect)(at.clone()).await?,
            };
            let report = report(&at, &name, &mut connection).await?;
            Ok((connection, report))
        };
        let late = || {
            StoreError::found(&name, CONNECT, ErrorClass::Timeout, "the node did not reply in time")
        };
        let result = timeout(NODE_TIMEOUT, polling).await.unwrap_or_else(|_| Err(late()));
        (at, result)
    }
}

impl fmt::Debug for NodePoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodePoll").field("seeds", &self.seeds).finish_non_exhaustive()
    }
}

/// The results of all, or of those that arrive soon after the first report.
async fn received(mut polling: FuturesUnordered<impl Future<Output = Polled>>) -> Vec<Polled> {
    let mut polled = Vec::new();
    let mut deadline: Option<Instant> = None;
    loop {
        let next = match deadline {
            Some(deadline) => timeout_at(deadline, polling.next()).await.unwrap_or(None),
            None => polling.next().await,
        };
        let Some(next) = next else { return polled };
        if next.1.is_ok() && deadline.is_none() {
            deadline = Some(Instant::now() + GRACE);
        }
        polled.push(next);
    }
}

async fn report(
    at: &ConnectionAddr,
    name: &ServerName,
    connection: &mut MultiplexedConnection,
) -> StoreResult<NodeReport> {
    let mut both = pipe();
    both.cmd("CLUSTER").arg("SLOTS").cmd("CLUSTER").arg("NODES");
    let replies = connection.req_packed_commands(&both, 0, 2).await;
    let replies = replies.map_err(|error| StoreError::new(name, CONNECT, error))?;
    let replies: Result<Vec<_>, _> = replies.into_iter().map(Value::extract_error).collect();
    let replies = replies.map_err(|error| rejected(name, error))?;
    let report = <[Value; 2]>::try_from(replies).ok();
    let report = report.and_then(|[slots, nodes]| NodeReport::parse(at, slots, nodes));
    report.ok_or_else(|| StoreError::unexpected_reply(name, CONNECT))
}

/// The error of a server that reports no slots.
fn rejected(name: &ServerName, error: redis::RedisError) -> StoreError {
    let text = error.detail().unwrap_or_default();
    if text.contains("cluster support disabled") || is_unknown_command(text) {
        let text =
            "the server is not a node of a Redis Cluster: name it with redis:// or rediss://";
        return StoreError::found(name, CONNECT, ErrorClass::Unsuitable, text);
    }
    StoreError::new(name, CONNECT, error)
}

/// That of a node which replied, if any did.
fn most_specific(failures: Vec<StoreError>) -> StoreError {
    let is_connection =
        |error: &StoreError| matches!(error.class, ErrorClass::Disconnected | ErrorClass::Timeout);
    let specific = failures.iter().position(|error| !is_connection(error)).unwrap_or_default();
    failures.into_iter().nth(specific).unwrap_or_else(|| {
        StoreError::found(&"Redis Cluster".into(), CONNECT, ErrorClass::Other, "no node is named")
    })
}
