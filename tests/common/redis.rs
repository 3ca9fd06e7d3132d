//! A real Redis server in a directory of its own, and its contents.

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, InfoDict, ToRedisArgs};
use tempfile::TempDir;

use super::process::Process;
use super::wait;

/// Bound on connecting. Lower: a busy machine fails a test.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);

pub const STREAM: &str = "energy_readings";
pub const GROUP: &str = "processing_group";
pub const DEAD_LETTERS: &str = "energy_readings:dead";

/// A server that is stopped with its test.
pub struct RedisServer {
    // Before the directory: fields are dropped in this order.
    process: Option<Process>,
    port: u16,
    directory: TempDir,
    arguments: Vec<String>,
}

/// A consumer group as `XINFO GROUPS` describes it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub pending: u64,
    pub lag: Option<u64>,
}

/// A stream entry.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: String,
    /// Names and values in their order.
    pub fields: Vec<(String, String)>,
}

impl RedisServer {
    /// Starts an empty server.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts an empty server with `appendfsync always`, so that killing it loses nothing.
    pub async fn start_durable() -> Self {
        Self::start_with(&["--appendfsync", "always"]).await
    }

    /// Starts an empty server with further settings.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let mut server = Self::prepared(arguments);
        server.restart().await;
        server
    }

    /// Starts a server over the files of a directory.
    pub async fn start_in(directory: TempDir) -> Self {
        let mut server = Self { directory, ..Self::prepared(&[]) };
        server.restart().await;
        server
    }

    /// A server that is not started yet, but has its port.
    pub fn prepared(arguments: &[&str]) -> Self {
        Self {
            process: None,
            port: free_port(),
            directory: tempfile::tempdir().unwrap(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
        }
    }

    /// Changes its settings from the next start on.
    pub fn set(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(ToString::to_string).collect();
    }

    /// Starts it over its data, on its port, and waits until it has loaded them.
    pub async fn restart(&mut self) {
        let mut process = self.spawn();
        wait::until("redis-server answers on its port", async || {
            if !process.is_running() {
                process = self.spawn(); // another process had the port for a moment
            }
            self.answers(&process).await
        })
        .await;
        self.process = Some(process);
    }

    /// Starts it, unless another process has one of its ports; returns whether it runs.
    pub async fn try_start(&mut self) -> bool {
        let mut process = self.spawn();
        let runs = wait::until_some("redis-server answers on its port, or ends", async || {
            let answers = self.answers(&process).await;
            if process.is_running() { answers.then_some(true) } else { Some(false) }
        });
        let runs = runs.await;
        self.process = runs.then_some(process);
        runs
    }

    /// Whether it answers, and not the server of another test that has got its port.
    async fn answers(&self, process: &Process) -> bool {
        let has_loaded = self.try_run::<String>(&["PING"]).await.is_ok();
        let information = self.try_run::<InfoDict>(&["INFO", "server"]).await;
        has_loaded && information.is_ok_and(|it| it.get("process_id") == Some(process.pid()))
    }

    fn spawn(&self) -> Process {
        let has_tls = self.arguments.iter().any(|argument| argument == "--tls-port");
        let mut command = Command::new(if has_tls { program_with_tls() } else { program() });
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""]);
        command.args(["--appendonly", "yes", "--maxmemory-policy", "noeviction", "--dir"]);
        command.arg(self.directory.path()).args(&self.arguments);
        Process::start("redis-server", &mut command)
    }

    /// Kills it; its port is free then, its data are kept.
    pub fn kill9(&mut self) {
        self.process.take().expect("redis-server runs").kill9();
    }

    /// Sends it a signal: with `STOP` it hangs until `CONT`.
    pub fn signal(&mut self, signal: &str) {
        self.process.as_mut().expect("redis-server runs").signal(signal);
    }

    /// The directory of its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a command.
    pub async fn run<T: FromRedisValue>(&self, command: &[impl ToRedisArgs + Sync]) -> T {
        self.try_run(command).await.expect("the command is carried out")
    }

    /// Runs a command that may fail.
    pub async fn try_run<T: FromRedisValue>(
        &self,
        command: &[impl ToRedisArgs + Sync],
    ) -> redis::RedisResult<T> {
        try_run(self.port, command).await
    }

    /// A connection, for pipelines.
    pub async fn connect(&self) -> MultiplexedConnection {
        connect(self.port).await.expect("redis-server answers")
    }

    /// All entries of a stream.
    pub async fn entries(&self, stream: &str) -> Vec<Entry> {
        let entries: Vec<(String, Vec<(String, String)>)> =
            self.run(&["XRANGE", stream, "-", "+"]).await;
        entries.into_iter().map(|(id, fields)| Entry { id, fields }).collect()
    }

    /// The consumer group of the processing services; empty while it does not exist.
    pub async fn group(&self) -> Group {
        self.group_of(STREAM).await
    }

    /// The same of another stream.
    pub async fn group_of(&self, stream: &str) -> Group {
        let command = ["XINFO", "GROUPS", stream];
        let reply = self.try_run::<Vec<HashMap<String, redis::Value>>>(&command).await;
        let named = redis::Value::BulkString(GROUP.into());
        let groups = reply.unwrap_or_default();
        let Some(group) = groups.into_iter().find(|group| group["name"] == named) else {
            return Group::default();
        };
        let number = |name: &str| u64::from_redis_value_ref(&group[name]).ok();
        Group { pending: number("pending").unwrap(), lag: number("lag") }
    }

    /// Creates the consumer group, and delivers `count` entries to one of its consumers, which then
    /// never acknowledges them.
    pub async fn deliver_to(&self, consumer: &str, count: usize) {
        let _ = self.try_run::<()>(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]).await;
        let count = count.to_string();
        let read =
            ["XREADGROUP", "GROUP", GROUP, consumer, "COUNT", &count, "STREAMS", STREAM, ">"];
        let _: redis::Value = self.run(&read).await;
        assert_eq!(self.group().await.pending.to_string(), count);
    }
}

/// Runs a command on the server at a port.
pub async fn try_run<T: FromRedisValue>(
    port: u16,
    command: &[impl ToRedisArgs + Sync],
) -> redis::RedisResult<T> {
    query(connect(port).await?, command).await
}

/// As [`try_run`], on the server of a URL.
pub async fn try_run_at<T: FromRedisValue>(
    url: &str,
    command: &[impl ToRedisArgs + Sync],
) -> redis::RedisResult<T> {
    query(connect_to(&redis::Client::open(url)?).await?, command).await
}

async fn query<T: FromRedisValue>(
    mut connection: MultiplexedConnection,
    command: &[impl ToRedisArgs + Sync],
) -> redis::RedisResult<T> {
    let mut built = Cmd::new();
    built.arg(command);
    built.query_async(&mut connection).await
}

async fn connect(port: u16) -> redis::RedisResult<MultiplexedConnection> {
    connect_to(&redis::Client::open(("127.0.0.1", port))?).await
}

async fn connect_to(client: &redis::Client) -> redis::RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECTED_WITHIN))
        .set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The program of all servers: `TEST_REDIS_SERVER`, such as a newer one or Valkey, or `redis-server` on the `PATH`.
pub fn program() -> OsString {
    std::env::var_os("TEST_REDIS_SERVER").unwrap_or_else(|| "redis-server".into())
}

/// The program of servers with TLS: the packages of newer servers are built without it.
pub fn program_with_tls() -> OsString {
    "redis-server".into()
}

/// A free port, assigned by the kernel, which assigns it to none but its server for a minute: a connection to it was closed
/// (`TIME_WAIT`), so it can be bound only by name, and with `SO_REUSEADDR`, as servers do.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    // The side that closes first waits.
    drop(listener.accept().unwrap());
    drop(client);
    address.port()
}
