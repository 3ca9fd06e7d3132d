//! The private Redis server of `up`: a child process, on this machine's loopback and for this user only.
//!
//! Its data directory holds the append-only file, its log, the port it had last, its password, and locks
//! that last as long as the `up` and the server that use it.

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

use self::data_directory::Directory;
use self::server_process::{Program, Server};

/// The address that servers listen on.
const HOST: &str = "127.0.0.1";

/// How often a starting or ending server is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long a server may take to write its data and end.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause before a server that died is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// A running server; [`LocalRedis::stop`] ends it.
#[derive(Debug)]
pub struct LocalRedis {
    port: u16,
    directory: Directory,
    server: RedisServer,
    ending: CancellationToken,
    keeper: JoinHandle<()>,
    /// Locked as long as this lives.
    _lock: File,
}

impl LocalRedis {
    /// Starts a server over a directory, and waits until it has loaded what is there.
    ///
    /// # Errors
    /// When another `up` uses the directory, no server is installed, or it does not start.
    pub async fn start(directory: &Path) -> anyhow::Result<Self> {
        // The server's files are its owner's alone, too: a child process has our mask.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let directory = Directory::prepare(directory)?;
        let lock = directory.lock()?;
        let server_lock = orphan::lock_server(&directory).await?;
        let port = choose_port(directory.port())?;
        directory.write(port, &password()?)?;
        let server = directory.server().context("the private Redis has no address")?;
        let connection = server.shared();
        let program = Program { port, directory: directory.clone(), lock: server_lock };
        let mut running = program.spawn()?;
        program.wait_until_ready(&mut running, &connection).await?;
        let ending = CancellationToken::new();
        let keeper = tokio::spawn(keep(program, running, connection, ending.clone()));
        Ok(Self { port, directory, server, ending, keeper, _lock: lock })
    }

    /// How to reach it.
    pub fn server(&self) -> RedisServer {
        self.server.clone()
    }

    /// Ends the server; its data are on disk then.
    pub async fn stop(self) {
        self.ending.cancel();
        // Err means that the keeper panicked, and dropped the child with it.
        let _ = self.keeper.await;
    }
}

impl fmt::Display for LocalRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.directory.path().display();
        write!(f, "{HOST}:{} (private; data and password in {directory})", self.port)
    }
}

/// The private server of an `up` that runs over a directory; None if it does not answer.
pub async fn running(directory: &Path) -> Option<RedisServer> {
    let directory = Directory::existing(directory)?;
    let server = directory.server()?;
    uses(&server.shared(), &directory).await.then_some(server)
}

/// Whether the server that answers has its data in the directory: it may be another's port by now.
async fn uses(connection: &SharedConnection, directory: &Directory) -> bool {
    let found = connection.data_directory().await;
    found.is_ok_and(|found| Path::new(&found) == directory.path())
}

/// The port of the last time if it is free, so that people find the server where it was; else any.
fn choose_port(last: Option<u16>) -> anyhow::Result<u16> {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr();
    let address = free(last.unwrap_or(0)).or_else(|_| free(0)).context("there is no free port")?;
    Ok(address.port())
}

/// A password that no other user can guess; another one for each start.
fn password() -> anyhow::Result<String> {
    let random = || getrandom::u64().context("the system gives no random bytes");
    Ok(format!("{:016x}{:016x}{:016x}{:016x}", random()?, random()?, random()?, random()?))
}

/// Starts the server again when it dies, until it is told to end it.
async fn keep(
    program: Program,
    mut running: Server,
    connection: SharedConnection,
    ending: CancellationToken,
) {
    loop {
        tokio::select! {
            status = running.child.wait() => report(status, &program.directory),
            () = ending.cancelled() => return end(running, &connection).await,
        }
        release(running).await;
        running = loop {
            sleep(RESTART_PAUSE).await;
            match program.spawn() {
                Ok(server) => break server,
                Err(error) => error!(error = format!("{error:#}"), "cannot start Redis again"),
            }
            if ending.is_cancelled() {
                return;
            }
        };
    }
}

fn report(status: io::Result<ExitStatus>, directory: &Directory) {
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    let log = directory.log();
    warn!(status, log = %log.display(), "the Redis server died; starting it again");
}

async fn end(mut running: Server, connection: &SharedConnection) {
    connection.shut_down_server().await;
    if timeout(STOP_TIMEOUT, running.child.wait()).await.is_err() {
        warn!("the Redis server did not end in time and is killed");
        // Err means that it has ended after all.
        let _ = running.child.kill().await;
    }
    release(running).await;
}

async fn release(ended: Server) {
    if let Some(guard) = ended.guard {
        guard.release().await;
    }
}
