//! Starts the server process.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use readings::store::SharedConnection;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tracing::{info, warn};

use super::data_directory::{DataDirectory, HOST};
use super::parent_death::ParentDeathPipe;
use super::socket_directory;

/// Interval at which a starting or stopping server is polled. Too low: needless work. Too high: starts are
/// that late.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How long the server may take to write its data and exit. Too low: it is killed while it writes. Too
/// high: a stuck server delays the exit.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Compatible servers; the first one that is installed is started.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

/// A start that takes longer is logged.
const SLOW_START: Duration = Duration::from_secs(2);

/// The command that starts the server of a data directory.
pub struct ServerCommand {
    pub socket: PathBuf,
    /// A port of loopback to listen on, too.
    pub port: Option<u16>,
    pub directory: DataDirectory,
    /// Passed to the server as an open file: it stays locked until both processes have exited.
    pub lock: File,
}

/// A running server process.
pub struct ServerProcess {
    pub child: Child,
    /// Stops the server if this process dies; `None` if the shell could not be started.
    pub parent_death: Option<ParentDeathPipe>,
}

impl ServerCommand {
    /// Starts the server.
    ///
    /// # Errors
    /// When no server is installed, or it cannot be started.
    pub fn spawn(&self) -> anyhow::Result<ServerProcess> {
        if let Some(directory) = self.socket.parent() {
            socket_directory::prepare(directory).context("the socket has no directory")?;
        }
        for program in PROGRAMS {
            match self.command(program)?.spawn() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                spawned => {
                    let child = spawned.with_context(|| format!("cannot start {program}"))?;
                    let parent_death = child.id().and_then(watch);
                    return Ok(ServerProcess { child, parent_death });
                }
            }
        }
        bail!(
            "there is no Redis server on this machine. Install one (Debian, Ubuntu: `sudo apt-get \
             install redis-server`; macOS: `brew install redis`), or configure one with \
             REDIS_HOST or REDIS_URL"
        )
    }

    /// The password is in the configuration file: every user of the machine can read arguments.
    fn command(&self, program: &str) -> io::Result<Command> {
        let mut command = Command::new(program);
        command
            .arg(self.directory.configuration())
            .args(["--bind", HOST, "--port", &self.port.unwrap_or(0).to_string()])
            .arg("--unixsocket")
            .arg(&self.socket)
            .args(["--unixsocketperm", "700", "--daemonize", "no"])
            .args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""])
            .args(["--maxmemory-policy", "noeviction", "--logfile"])
            .arg(self.directory.log())
            .arg("--dir")
            .arg(self.directory.path())
            .stdin(Stdio::from(self.lock.try_clone()?))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A process group of its own: Ctrl-C is sent to this process, which stops the server once
            // everything is stored.
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }

    /// Waits until a server has loaded its data.
    ///
    /// # Errors
    /// When it exits instead.
    pub async fn wait_until_ready(
        &self,
        server: &mut ServerProcess,
        connection: &SharedConnection,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut logged = false;
        while connection.ping().await.is_err() {
            if let Some(status) = server.child.try_wait()? {
                let log = self.directory.log();
                bail!("the Redis server exited at once ({status}); see {}", log.display());
            }
            if started.elapsed() > SLOW_START && !logged {
                info!("waiting for Redis to load its data");
                logged = true;
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }
}

fn watch(pid: u32) -> Option<ParentDeathPipe> {
    let pipe = ParentDeathPipe::watch(pid);
    pipe.inspect_err(|error| warn!(%error, "if this process is killed, its Redis keeps running"))
        .ok()
}
