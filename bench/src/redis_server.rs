//! The Redis server of a run: empty, in a temporary directory.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use readings::store::stream::ReadingStream;
use readings::store::{Keys, RedisServer};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::sleep;

use crate::aof::Aof;
use crate::process::Process;

/// The address that all processes listen on.
pub const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Timeout of the server's start.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a starting server is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Timeout of a command. Too low: seeding fails on a slow machine. Too high: a hanging server is detected late.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// The keys of stream and group; passed as flags, which override the environment.
pub fn keys() -> Keys {
    Keys::new("energy_readings", "processing_group")
}

/// A free port.
///
/// # Errors
/// When all ports are in use.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((HOST, 0))?.local_addr()?.port())
}

/// The server on a port of this machine.
///
/// # Errors
/// When the address is invalid.
pub fn server(port: u16) -> anyhow::Result<RedisServer> {
    Ok(RedisServer::from_host_port(&HOST.to_string(), port)?)
}

/// A connection for commands that the crate `readings` does not offer.
///
/// # Errors
/// When the server cannot be reached.
pub async fn connect(port: u16) -> anyhow::Result<MultiplexedConnection> {
    let client = redis::Client::open((HOST.to_string(), port))?;
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
    Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
}

/// A running server. Dropping it kills the server and deletes its files.
#[derive(Debug)]
pub struct Redis {
    // Before the directory: fields are dropped in this order.
    process: Process,
    port: u16,
    directory: TempDir,
}

impl Redis {
    /// Starts an empty server on a free port.
    ///
    /// # Errors
    /// When the program is missing, or does not start.
    pub async fn start(store: &Store) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("energy-pipeline-bench-").tempdir()?;
        let port = free_port()?;
        let log = directory.path().join("redis.log");
        let process = Process::spawn(command(store, port, directory.path()), &log)?;
        let mut redis = Self { process, port, directory };
        redis.wait_until_ready().await?;
        Ok(redis)
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

    /// The port of the server.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub const fn pid(&self) -> u32 {
        self.process.pid()
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
        Ok(ReadingStream::new(keys(), server(self.port)?.shared()))
    }

    /// Kills it.
    ///
    /// # Errors
    /// When it ended before: the run is void.
    pub async fn end(self) -> anyhow::Result<()> {
        self.process.end().await
    }
}

/// A kind of server that a run starts.
#[derive(Debug, Clone)]
pub struct Store {
    program: PathBuf,
    aof: Aof,
    version: String,
}

impl Store {
    /// A server program in a persistence mode.
    ///
    /// # Errors
    /// When the program is missing.
    pub async fn new(program: &Path, aof: Aof) -> anyhow::Result<Self> {
        let output = Command::new(program).arg("--version").output().await;
        let missing = || format!("there is no {} on this machine", program.display());
        let output = output.with_context(missing)?.stdout;
        let version = version(&String::from_utf8_lossy(&output));
        let version =
            version.with_context(|| format!("{} prints no version", program.display()))?;
        Ok(Self { program: program.to_owned(), aof, version })
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aof = match self.aof {
            Aof::Off => "AOF off",
            Aof::Everysec => "AOF everysec",
        };
        write!(f, "{}, {aof}", self.version)
    }
}

/// `Redis 7.0.15` of "Redis server v=7.0.15 sha=…"; Valkey's format is the same.
fn version(text: &str) -> Option<String> {
    let name = text.split_whitespace().next()?;
    let number = text.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
    Some(format!("{name} {number}"))
}

fn command(store: &Store, port: u16, directory: &Path) -> Command {
    let append_only = if store.aof == Aof::Off { "no" } else { "yes" };
    let mut command = Command::new(&store.program);
    command
        .args(["--bind", &HOST.to_string(), "--port", &port.to_string(), "--save", ""])
        .args(["--appendonly", append_only, "--appendfsync", "everysec"])
        // A rewrite in one run but not in another would make them incomparable.
        .args(["--auto-aof-rewrite-percentage", "0"])
        .args(["--logfile", "redis.log", "--dir"])
        .arg(directory)
        .current_dir(directory);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_which_the_server_prints() {
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        let valkey = "Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        assert_eq!(version(redis).as_deref(), Some("Redis 7.0.15"));
        assert_eq!(version(valkey).as_deref(), Some("Valkey 8.1.1"));
        assert_eq!(version("energy-pipeline 0.1.0"), None);
    }
}
