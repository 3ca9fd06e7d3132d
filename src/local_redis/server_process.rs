//! The server's program, and how it is started.

use std::fs::File;
use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use readings::store::SharedConnection;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tracing::{info, warn};

use super::HOST;
use super::LOOK_EVERY;
use super::data_directory::Directory;
use super::parent_death::Guard;

/// Servers that will do, the first that is installed is taken.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

/// A start that takes longer than this is told about.
const SLOW_START: Duration = Duration::from_secs(2);

/// How to start the server of a directory.
pub struct Program {
    pub port: u16,
    pub directory: Directory,
    /// Given to the server, which has it locked with us, and alone once we are gone.
    pub lock: File,
}

/// A server that was started.
pub struct Server {
    pub child: Child,
    /// Ends the server if we end without doing so; None where it could not be had.
    pub guard: Option<Guard>,
}

impl Program {
    /// Starts the server.
    ///
    /// # Errors
    /// When none is installed, or it cannot be started.
    pub fn spawn(&self) -> anyhow::Result<Server> {
        for program in PROGRAMS {
            match self.command(program)?.spawn() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                spawned => {
                    let child = spawned.with_context(|| format!("cannot start {program}"))?;
                    let guard = child.id().and_then(guard);
                    return Ok(Server { child, guard });
                }
            }
        }
        bail!(
            "there is no Redis server on this machine. Install one (Debian, Ubuntu: `sudo apt-get \
             install redis-server`; macOS: `brew install redis`), or name one with REDIS_HOST or \
             REDIS_URL"
        )
    }

    /// The password is in the configuration file: arguments are there for every user to read.
    fn command(&self, program: &str) -> io::Result<Command> {
        let mut command = Command::new(program);
        command
            .arg(self.directory.configuration())
            .args(["--bind", HOST, "--port", &self.port.to_string(), "--daemonize", "no"])
            .args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""])
            .args(["--maxmemory-policy", "noeviction", "--logfile"])
            .arg(self.directory.log())
            .arg("--dir")
            .arg(self.directory.path())
            .stdin(Stdio::from(self.lock.try_clone()?))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: Ctrl-C is for us, and we end the server when all is stored.
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }

    /// Waits until a server has loaded its data.
    ///
    /// # Errors
    /// When it ends instead.
    pub async fn wait_until_ready(
        &self,
        server: &mut Server,
        connection: &SharedConnection,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut told = false;
        while connection.ping().await.is_err() {
            if let Some(status) = server.child.try_wait()? {
                let log = self.directory.log();
                bail!("the Redis server ended at once ({status}); see {}", log.display());
            }
            if started.elapsed() > SLOW_START && !told {
                info!("waiting for Redis to load its data");
                told = true;
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

fn guard(pid: u32) -> Option<Guard> {
    let guard = Guard::over(pid);
    guard.inspect_err(|error| warn!(%error, "if this process is killed, its Redis goes on")).ok()
}
