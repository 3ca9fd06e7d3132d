//! The private Redis server of `up`: a child process that listens on a Unix socket which only this user can
//! open; on a port of loopback, too, if one is asked for, and then with a password that only this user can read.
//!
//! Its data directory contains the append-only file, the log, the socket or its path, the last port and the
//! password, and the locks of the `up` and the server that use it.

mod data_directory;
mod orphan;
mod parent_death;
mod server_process;
mod socket_directory;

use std::fmt;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context;
use readings::store::{RedisServer, SharedConnection};
use rustix::fs::Mode;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use self::data_directory::{DataDirectory, HOST, TcpAccess, serves_directory};
use self::server_process::{STOP_TIMEOUT, ServerCommand, ServerProcess};
use self::socket_directory::{choose_socket, remove_temporary};

/// Backoff before a crashed server is restarted. Too low: a server that cannot start uses a core. Too high:
/// readings are rejected for longer.
const RESTART_BACKOFF: Duration = Duration::from_millis(500);

/// A running server; [`LocalRedis::stop`] stops it.
#[derive(Debug)]
pub struct LocalRedis {
    socket: PathBuf,
    port: Option<u16>,
    directory: DataDirectory,
    server: RedisServer,
    stop: CancellationToken,
    supervisor: JoinHandle<()>,
    /// Locked until this is dropped.
    _lock: File,
}

impl LocalRedis {
    /// Starts a server on a data directory, and waits until the data are loaded. With `port` it listens there,
    /// too.
    ///
    /// # Errors
    /// When another `up` uses the directory, the port is in use, no server is installed, or it does not start.
    pub async fn start(directory: &Path, port: Option<u16>) -> anyhow::Result<Self> {
        // The server inherits the mask: its files, too, are readable by their owner only.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let directory = DataDirectory::prepare(directory)?;
        // Two locks: the first excludes another `up`, the second a server that outlived its `up`.
        let lock = directory.lock()?;
        let server_lock = orphan::acquire_server_lock(&directory).await?;
        let command = choose_addresses(&directory, port, server_lock)?;
        let (socket, port) = (command.socket.clone(), command.port);
        let server = directory.server(&socket).context("the private Redis has no address")?;
        let connection = server.shared();
        let mut process = command.spawn()?;
        command.wait_until_ready(&mut process, &connection).await?;
        let stop = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(command, process, connection, stop.clone()));
        Ok(Self { socket, port, directory, server, stop, supervisor, _lock: lock })
    }

    /// Its address and credentials.
    pub fn server(&self) -> RedisServer {
        self.server.clone()
    }

    /// Stops the server; its data are on disk then.
    pub async fn stop(self) {
        self.stop.cancel();
        // Err: the supervisor has panicked, and dropped the child, which kills it.
        let _ = self.supervisor.await;
        remove_temporary(&self.socket, &self.directory);
    }
}

impl fmt::Display for LocalRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (socket, directory) = (self.socket.display(), self.directory.path().display());
        match self.port {
            None => write!(f, "{socket} (private; data in {directory})"),
            Some(port) => {
                write!(f, "{socket} and {HOST}:{port} (private; data and password in {directory})")
            }
        }
    }
}

/// The private server of a running `up` with this data directory; `None` if it does not exist or does not
/// respond.
pub async fn find_running(directory: &Path) -> Option<RedisServer> {
    let directory = DataDirectory::existing(directory)?;
    for server in directory.servers() {
        if serves_directory(&server.shared(), &directory).await {
            return Some(server);
        }
    }
    None
}

/// Chooses what the server listens on, and writes it to the directory, where the server reads its password and
/// other commands its address.
fn choose_addresses(
    directory: &DataDirectory,
    port: Option<u16>,
    lock: File,
) -> anyhow::Result<ServerCommand> {
    let access = port.map(|port| tcp_access(port, directory.port())).transpose()?;
    let socket = choose_socket(directory)?;
    directory.write(&socket, access.as_ref())?;
    let port = access.map(|access| access.port);
    Ok(ServerCommand { socket, port, directory: directory.clone(), lock })
}

/// A port with a random password of 256 bits, another one for each start. Where any port will do (0) it is the
/// last one if that is free, so that the address stays the same.
fn tcp_access(port: u16, last: Option<u16>) -> anyhow::Result<TcpAccess> {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr();
    let address = match (port, last) {
        (0, Some(last)) => free(last).or_else(|_| free(0)),
        _ => free(port),
    };
    let failed =
        || format!("the private Redis cannot listen on {HOST}:{port} (PRIVATE_REDIS_PORT)");
    let address = address.with_context(failed)?;
    let random = || getrandom::u64().context("the system provides no random bytes");
    let password =
        format!("{:016x}{:016x}{:016x}{:016x}", random()?, random()?, random()?, random()?);
    Ok(TcpAccess { port: address.port(), password })
}

/// Restarts the server when it exits, until `stop` is cancelled; then stops it.
async fn supervise(
    command: ServerCommand,
    mut process: ServerProcess,
    connection: SharedConnection,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            status = process.child.wait() => log_exit(status, &command.directory),
            () = stop.cancelled() => return stop_server(process, &connection).await,
        }
        release(process).await;
        process = loop {
            sleep(RESTART_BACKOFF).await;
            match command.spawn() {
                Ok(process) => break process,
                Err(error) => error!(error = format!("{error:#}"), "cannot restart Redis"),
            }
            // No server runs here: there is nothing to stop.
            if stop.is_cancelled() {
                return;
            }
        };
    }
}

fn log_exit(status: io::Result<ExitStatus>, directory: &DataDirectory) {
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    let log = directory.log();
    warn!(status, log = %log.display(), "the Redis server exited; restarting it");
}

async fn stop_server(mut process: ServerProcess, connection: &SharedConnection) {
    connection.shut_down_server().await;
    if timeout(STOP_TIMEOUT, process.child.wait()).await.is_err() {
        warn!("the Redis server did not stop in time and is killed");
        // Err: it has exited after all.
        let _ = process.child.kill().await;
    }
    release(process).await;
}

async fn release(exited: ServerProcess) {
    if let Some(pipe) = exited.parent_death {
        pipe.release().await;
    }
}
