//! The private Redis server of `up`: a child process, on this machine's loopback only.
//!
//! Its data directory holds the append-only file, its log, the port it had last and a lock that lasts
//! as long as the `up` that uses it.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use readings::store::{RedisServer, SharedConnection};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Servers that will do, the first that is installed is taken.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

/// How often a starting or ending server is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A start that takes longer than this is told about.
const SLOW_START: Duration = Duration::from_secs(2);

/// How long a server may take to write its data and end.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause before a server that died is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// A running server; [`LocalRedis::stop`] ends it.
#[derive(Debug)]
pub struct LocalRedis {
    port: u16,
    directory: PathBuf,
    ending: CancellationToken,
    keeper: JoinHandle<()>,
    /// Locked as long as this lives.
    _lock: File,
}

impl LocalRedis {
    /// The address it listens on.
    pub const HOST: &'static str = "127.0.0.1";

    /// Starts a server over a directory, and waits until it has loaded what is there.
    ///
    /// # Errors
    /// When another `up` uses the directory, no server is installed, or it does not start.
    pub async fn start(directory: &Path) -> anyhow::Result<Self> {
        let created = fs::create_dir_all(directory).and_then(|()| directory.canonicalize());
        let directory = created.with_context(|| format!("cannot use {}", directory.display()))?;
        let lock = lock(&directory)?;
        let port = choose_port(&directory).await?;
        let program = Program { port, directory: directory.clone() };
        let mut child = program.spawn()?;
        let connection = RedisServer::at(Self::HOST, port)?.shared();
        program.wait_until_ready(&mut child, &connection).await?;
        let ending = CancellationToken::new();
        let keeper = tokio::spawn(keep(program, child, connection, ending.clone()));
        Ok(Self { port, directory, ending, keeper, _lock: lock })
    }

    /// The port it listens on.
    pub const fn port(&self) -> u16 {
        self.port
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
        write!(f, "{}:{} (private; data in {})", Self::HOST, self.port, self.directory.display())
    }
}

fn lock(directory: &Path) -> anyhow::Result<File> {
    let shown = directory.display();
    let file = File::create(directory.join("lock"));
    let file = file.with_context(|| format!("cannot write in {shown}"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another `energy-pipeline up` uses {shown}; end it, or name another with --data-dir"
            )
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {shown}"))
        }
    }
}

/// The port of the last time if it is free, so that people find the server where it was; else any.
async fn choose_port(directory: &Path) -> anyhow::Result<u16> {
    let file = directory.join("port");
    let last = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
    if let Some(port) = last {
        end_orphan(directory, port).await?;
    }
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr();
    let address = free(last.unwrap_or(0)).or_else(|_| free(0)).context("there is no free port")?;
    fs::write(&file, address.port().to_string())?;
    Ok(address.port())
}

/// A server that a killed `up` left behind still has the files: it must end first.
async fn end_orphan(directory: &Path, port: u16) -> anyhow::Result<()> {
    let connection = RedisServer::at(LocalRedis::HOST, port)?.shared();
    let started = Instant::now();
    while connection.data_directory().await.is_ok_and(|found| Path::new(&found) == directory) {
        if started.elapsed() > STOP_TIMEOUT {
            bail!("a Redis server on port {port} uses {} and does not end", directory.display());
        }
        info!(port, "ending the Redis server that an earlier run left behind");
        connection.shut_down_server().await;
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

struct Program {
    port: u16,
    directory: PathBuf,
}

impl Program {
    fn spawn(&self) -> anyhow::Result<Child> {
        for program in PROGRAMS {
            match self.command(program).spawn() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                spawned => return spawned.with_context(|| format!("cannot start {program}")),
            }
        }
        bail!(
            "there is no Redis server on this machine. Install one (Debian, Ubuntu: `sudo apt-get \
             install redis-server`; macOS: `brew install redis`), or name one with REDIS_HOST or \
             REDIS_URL"
        )
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args([
                "--bind",
                LocalRedis::HOST,
                "--port",
                &self.port.to_string(),
                "--daemonize",
                "no",
            ])
            .args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""])
            .args(["--maxmemory-policy", "noeviction", "--logfile"])
            .arg(self.log())
            .arg("--dir")
            .arg(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: Ctrl-C is for us, and we end the server when all is stored.
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    fn log(&self) -> PathBuf {
        self.directory.join("redis.log")
    }

    async fn wait_until_ready(
        &self,
        child: &mut Child,
        connection: &SharedConnection,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut told = false;
        while connection.ping().await.is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("the Redis server ended at once ({status}); see {}", self.log().display());
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

/// Starts the server again when it dies, until it is told to end it.
async fn keep(
    program: Program,
    mut child: Child,
    connection: SharedConnection,
    ending: CancellationToken,
) {
    loop {
        tokio::select! {
            status = child.wait() => report(status, &program.log()),
            () = ending.cancelled() => return end(child, &connection).await,
        }
        child = loop {
            sleep(RESTART_PAUSE).await;
            match program.spawn() {
                Ok(child) => break child,
                Err(error) => error!(error = format!("{error:#}"), "cannot start Redis again"),
            }
            if ending.is_cancelled() {
                return;
            }
        };
    }
}

fn report(status: io::Result<ExitStatus>, log: &Path) {
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    warn!(status, log = %log.display(), "the Redis server died; starting it again");
}

async fn end(mut child: Child, connection: &SharedConnection) {
    connection.shut_down_server().await;
    if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
        warn!("the Redis server did not end in time and is killed");
        // Err means that it has ended after all.
        let _ = child.kill().await;
    }
}
