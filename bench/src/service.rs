//! The measured processes: a role of the program, or a baseline.

use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use readings::store::PartitionCount;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

use crate::cli::Programs;
use crate::process::Process;
use crate::redis_server::{HOST, Redis, free_port, keys};
use crate::usage::family;

/// Timeout for another implementation to listen; Python needs seconds on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How often it is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A role of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Ingestion,
    Processing,
}

impl Role {
    /// The program's command for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingestion => "ingestion-api",
            Self::Processing => "processing-service",
        }
    }

    /// The contract's variable of the port.
    const fn port_variable(self) -> &'static str {
        match self {
            Self::Ingestion => "INGESTION_PORT",
            Self::Processing => "PROCESSING_PORT",
        }
    }

    const fn port_flag(self) -> &'static str {
        match self {
            Self::Ingestion => "--ingestion-port",
            Self::Processing => "--processing-port",
        }
    }

    /// The bench's own command with the role's minimum.
    const fn plain(self) -> &'static str {
        match self {
            Self::Ingestion => "plain-server",
            Self::Processing => "plain-loop",
        }
    }
}

/// An implementation of the roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The product.
    Program {
        path: PathBuf,
        /// Whether it is the only one; then its title is not the path.
        alone: bool,
    },
    /// Another implementation of the contract, as a shell command (`--original`).
    Original(String),
    /// The role's minimum, without actors, framework or limits.
    Plain(Role),
}

impl Subject {
    /// All the programs, and the other implementation if there is one.
    pub fn all(programs: &Programs) -> impl Iterator<Item = Self> {
        let original = programs.original.iter().cloned().map(Self::Original);
        let alone = programs.program.len() == 1;
        let program = move |path: &PathBuf| Self::Program { path: path.clone(), alone };
        programs.program.iter().map(program).chain(original)
    }

    fn command(
        &self,
        role: Role,
        redis: &Redis,
        replica: u32,
        port: u16,
    ) -> anyhow::Result<Command> {
        match self {
            Self::Program { path, .. } => Ok(program(path, role, redis, replica)),
            Self::Original(line) => Ok(original(line, role, redis, replica, port)),
            Self::Plain(plain) => {
                let mut command = Command::new(env::current_exe()?);
                command.args([plain.plain(), "--redis-port", &redis.port().to_string()]);
                Ok(command)
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { path, alone: true } => {
                path.file_name().unwrap_or_default().display().fmt(f)
            }
            Self::Program { path, alone: false } => path.display().fmt(f),
            Self::Original(_) => f.write_str("original"),
            Self::Plain(role) => f.write_str(&role.plain().replace('-', " ")),
        }
    }
}

/// A command of the program, with the address and the keys of Redis.
pub fn command(path: &Path, words: &[&str], redis: &Redis) -> Command {
    let keys = keys();
    let mut command = Command::new(path);
    // Flags override the environment, by which all other settings can be varied.
    command
        .args(words)
        .args(["--redis-url", &redis.url(), "--redis-stream", keys.stream()])
        .args(["--consumer-group", keys.group()]);
    let partitions = redis.layout().partitions;
    // An older program, with which this one is compared, does not have the flag.
    if partitions > PartitionCount::ONE {
        command.args(["--stream-partitions", &partitions.to_string()]);
    }
    command
}

fn program(path: &Path, role: Role, redis: &Redis, replica: u32) -> Command {
    let mut command = command(path, &[role.name()], redis);
    command.args(["--listen-host", &HOST.to_string(), role.port_flag(), "0"]);
    if role == Role::Processing {
        command.args(["--consumer-name", &format!("bench-{replica}")]);
    }
    command
}

/// The shell command with its placeholders replaced.
fn original(line: &str, role: Role, redis: &Redis, replica: u32, port: u16) -> Command {
    let line = line
        .replace("{role}", role.name())
        .replace("{port}", &port.to_string())
        .replace("{redis_port}", &redis.port().to_string())
        .replace("{consumer}", &format!("bench-{replica}"));
    let keys = keys();
    let mut command = Command::new("sh");
    // The contract's variables, for an implementation that is configured by the environment.
    command
        .args(["-c", &format!("exec {line}")])
        .env(role.port_variable(), port.to_string())
        .env("REDIS_HOST", HOST.to_string())
        .env("REDIS_PORT", redis.port().to_string())
        .env("REDIS_STREAM", keys.stream())
        .env("CONSUMER_GROUP", keys.group())
        .env("CONSUMER_NAME", format!("bench-{replica}"));
    command
}

/// A running subject.
#[derive(Debug)]
pub struct Service {
    process: Process,
    /// The address passed to another implementation; ours prints its own.
    announced: Option<SocketAddr>,
}

/// Starts a subject in a role.
///
/// # Errors
/// When it cannot be started.
pub fn start(subject: &Subject, role: Role, redis: &Redis) -> anyhow::Result<Service> {
    start_replica(subject, role, redis, 0)
}

/// Starts a subject in a role with settings of its environment.
///
/// # Errors
/// When it cannot be started.
pub fn start_with(
    subject: &Subject,
    role: Role,
    redis: &Redis,
    settings: &[(&str, &Path)],
) -> anyhow::Result<Service> {
    let free = free_port()?;
    let mut command = subject.command(role, redis, 0, free)?;
    command.envs(settings.iter().copied());
    Service::spawn(command, subject, redis, free)
}

/// Starts one of several replicas; its number is part of its consumer name.
///
/// # Errors
/// When it cannot be started.
pub fn start_replica(
    subject: &Subject,
    role: Role,
    redis: &Redis,
    replica: u32,
) -> anyhow::Result<Service> {
    let free = free_port()?;
    let command = subject.command(role, redis, replica, free)?;
    Service::spawn(command, subject, redis, free)
}

impl Service {
    fn spawn(
        command: Command,
        subject: &Subject,
        redis: &Redis,
        free: u16,
    ) -> anyhow::Result<Self> {
        let announced = matches!(subject, Subject::Original(_)).then(|| (HOST, free).into());
        Ok(Self { process: Process::spawn(command, &redis.file("service.log"))?, announced })
    }

    /// The address that it listens on: from its first line, or, of another implementation, the configured one.
    ///
    /// # Errors
    /// When it ends, or prints something else.
    pub async fn address(&mut self) -> anyhow::Result<SocketAddr> {
        if let Some(announced) = self.announced {
            self.started().await?;
            return Ok(announced);
        }
        let line = self.process.first_line().await?;
        let address = line.trim().rsplit_once("http://").and_then(|(_, text)| text.parse().ok());
        address.with_context(|| format!("a service printed {line:?} instead of its address"))
    }

    /// Waits until another implementation listens; its child processes are known from then on.
    ///
    /// # Errors
    /// When it ends, or does not listen in time.
    pub async fn started(&mut self) -> anyhow::Result<()> {
        let Some(address) = self.announced else {
            return Ok(());
        };
        let started = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            self.check()?;
            ensure!(started.elapsed() < START_TIMEOUT, "nothing listens on {address}");
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Its process ids, child processes included.
    pub fn pids(&self) -> Vec<u32> {
        family(self.process.pid())
    }

    /// Checks that it is running.
    ///
    /// # Errors
    /// When it has ended; the error has the end of its log.
    pub fn check(&mut self) -> anyhow::Result<()> {
        self.process.check()
    }

    /// Kills it, and waits for its end.
    ///
    /// # Errors
    /// When it ended before: the run is void.
    pub async fn end(self) -> anyhow::Result<()> {
        self.process.end().await
    }
}

/// Checks that the programs exist, before minutes are spent.
///
/// # Errors
/// When one is missing.
pub fn check(programs: &Programs) -> anyhow::Result<()> {
    let missing = programs.program.iter().find(|path| !path.is_file());
    if let Some(path) = missing {
        let path = path.display();
        bail!("{path} is missing; `cargo build --release` builds it, --program names another");
    }
    Ok(())
}
