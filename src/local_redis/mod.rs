//! The private Redis server of `up`: a child process that listens on loopback, with a password that only
//! this user can read.
//!
//! Its data directory contains the append-only file, the log, the last port, the password, and the locks of
//! the `up` and the server that use it.

mod data_directory;
mod orphan;
mod parent_death;
mod server_process;

use std::fmt;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context;
use readings::store::{RedisServer, SharedConnection};
use rustix::fs::Mode;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use self::data_directory::{DataDirectory, HOST, serves_directory};
use self::server_process::{STOP_TIMEOUT, ServerCommand, ServerProcess};

/// Backoff before a crashed server is restarted. Too low: a server that cannot start uses a core. Too high:
/// readings are rejected for longer.
const RESTART_BACKOFF: Duration = Duration::from_millis(500);

/// A running server; [`LocalRedis::stop`] stops it.
#[derive(Debug)]
pub struct LocalRedis {
    port: u16,
    directory: DataDirectory,
    server: RedisServer,
    stop: CancellationToken,
    supervisor: JoinHandle<()>,
    /// Locked until this is dropped.
    _lock: File,
}

impl LocalRedis {
    /// Starts a server on a data directory, and waits until the data are loaded.
    ///
    /// # Errors
    /// When another `up` uses the directory, no server is installed, or it does not start.
    pub async fn start(directory: &Path) -> anyhow::Result<Self> {
        // The server inherits the mask: its files, too, are readable by their owner only.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let directory = DataDirectory::prepare(directory)?;
        // Two locks: the first excludes another `up`, the second a server that outlived its `up`.
        let lock = directory.lock()?;
        let server_lock = orphan::acquire_server_lock(&directory).await?;
        let port = choose_port(directory.port())?;
        // Before the server starts, which reads its password from there.
        directory.write(port, &password()?)?;
        let server = directory.server().context("the private Redis has no address")?;
        let connection = server.shared();
        let command = ServerCommand { port, directory: directory.clone(), lock: server_lock };
        let mut process = command.spawn()?;
        command.wait_until_ready(&mut process, &connection).await?;
        let stop = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(command, process, connection, stop.clone()));
        Ok(Self { port, directory, server, stop, supervisor, _lock: lock })
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
    }
}

impl fmt::Display for LocalRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.directory.path().display();
        write!(f, "{HOST}:{} (private; data and password in {directory})", self.port)
    }
}

/// The private server of a running `up` with this data directory; `None` if it does not exist or does not
/// respond.
pub async fn find_running(directory: &Path) -> Option<RedisServer> {
    let directory = DataDirectory::existing(directory)?;
    let server = directory.server()?;
    serves_directory(&server.shared(), &directory).await.then_some(server)
}

/// The last port if it is free, so that the address stays the same; else any free port.
fn choose_port(last: Option<u16>) -> anyhow::Result<u16> {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr();
    let address = free(last.unwrap_or(0)).or_else(|_| free(0)).context("there is no free port")?;
    Ok(address.port())
}

/// A random password of 256 bits, another one for each start.
fn password() -> anyhow::Result<String> {
    let random = || getrandom::u64().context("the system provides no random bytes");
    Ok(format!("{:016x}{:016x}{:016x}{:016x}", random()?, random()?, random()?, random()?))
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
