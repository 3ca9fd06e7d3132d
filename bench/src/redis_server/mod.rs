//! The Redis of a run: an empty server, or the masters of an empty Cluster, in a temporary directory.

mod address;
mod cluster;
mod store;

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::bail;
use readings::store::stream::ReadingStream;
use readings::store::{Keys, RedisServer};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::layout::Layout;
use crate::process::Process;

pub use self::address::{HOST, connect, free_port};
pub use self::store::Store;
use self::store::command;

/// Timeout of the server's start.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a starting server is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The keys of stream and group; passed as flags, which override the environment.
pub fn keys() -> Keys {
    Keys::new("energy_readings", "processing_group")
}

/// The server on a port of this machine.
///
/// # Errors
/// When the address is invalid.
pub fn server(port: u16) -> anyhow::Result<RedisServer> {
    Ok(RedisServer::from_host_port(&HOST.to_string(), port)?)
}

/// A running server, or several. Dropping it kills them and deletes their files.
#[derive(Debug)]
pub struct Redis {
    // Before the directory: fields are dropped in this order.
    nodes: Vec<Node>,
    directory: TempDir,
    layout: Layout,
}

/// One server.
#[derive(Debug)]
struct Node {
    process: Process,
    port: u16,
}

impl Node {
    async fn start(store: &Store, directory: &Path, in_cluster: bool) -> anyhow::Result<Self> {
        let port = if in_cluster { cluster::free_port()? } else { free_port()? };
        let log = directory.join("redis.log");
        let mut command = command(store, port, directory);
        if in_cluster {
            command.args(["--cluster-enabled", "yes"]);
            command.args(["--cluster-config-file", &format!("nodes-{port}.conf")]);
        }
        let mut node = Self { process: Process::spawn(command, &log)?, port };
        node.wait_until_ready().await?;
        Ok(node)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while connect(self.port).await.is_err() {
            self.process.check()?;
            if started.elapsed() > START_TIMEOUT {
                bail!("Redis does not start");
            }
            sleep(POLL_INTERVAL).await;
        }
        self.process.check()
    }
}

impl Redis {
    /// Starts an empty server on a free port.
    ///
    /// # Errors
    /// When the program is missing, or does not start.
    pub async fn start(store: &Store) -> anyhow::Result<Self> {
        Self::start_as(store, Layout::SIMPLE).await
    }

    /// Starts empty servers, as many as the layout has masters: several are a Cluster.
    ///
    /// # Errors
    /// As [`Redis::start`], and when they do not become a Cluster.
    pub async fn start_as(store: &Store, layout: Layout) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("energy-pipeline-bench-").tempdir()?;
        let in_cluster = layout.masters > NonZeroU16::MIN;
        let mut nodes = Vec::new();
        for _ in 0..layout.masters.get() {
            nodes.push(Node::start(store, directory.path(), in_cluster).await?);
        }
        let redis = Self { nodes, directory, layout };
        if in_cluster {
            cluster::join(&redis.ports()).await?;
        }
        Ok(redis)
    }

    /// The port of the server, or of the first one.
    pub fn port(&self) -> u16 {
        self.nodes[0].port
    }

    /// The ports of all servers.
    pub fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    /// Their process ids.
    pub fn pids(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.process.pid()).collect()
    }

    /// Partitions and masters.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// `REDIS_URL` of the measured program.
    pub fn url(&self) -> String {
        let ports = self.ports();
        let addresses: Vec<_> = ports.iter().map(|port| format!("{HOST}:{port}")).collect();
        let scheme = if ports.len() > 1 { "redis+cluster" } else { "redis" };
        format!("{scheme}://{}", addresses.join(","))
    }

    /// A file in its directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The stream of readings, with its own connection.
    ///
    /// # Errors
    /// When the address is invalid.
    pub fn stream(&self) -> anyhow::Result<ReadingStream> {
        Ok(ReadingStream::new(keys(), server(self.port())?.shared()))
    }

    /// The streams of all partitions.
    ///
    /// # Errors
    /// As [`Redis::stream`].
    pub fn partitions(&self) -> anyhow::Result<Vec<ReadingStream>> {
        let connection = RedisServer::from_url(&self.url())?.shared();
        let stream =
            |partition| ReadingStream::new(keys().of_partition(partition), connection.clone());
        Ok(self.layout.partitions.partitions().map(stream).collect())
    }

    /// The position in [`Redis::ports`] of the server that has a key.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn owner(&self, key: &str) -> anyhow::Result<usize> {
        cluster::owner(self.port(), key, self.layout.masters).await
    }

    /// Kills them.
    ///
    /// # Errors
    /// When one ended before: the run is void.
    pub async fn end(self) -> anyhow::Result<()> {
        for node in self.nodes {
            node.process.end().await?;
        }
        Ok(())
    }
}
