//! What is measured: a role of the program, or a process that it is compared with.

use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

use crate::cli::Programs;
use crate::process::Process;
use crate::redis_server::{HOST, Redis, free_port, keys};
use crate::usage::family;

/// How long another implementation may take to listen; Python takes seconds on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How often it is looked whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(5);

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

    /// The contract's variable for where it listens.
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

    /// The command of this bench that does the least that the role must do.
    const fn plain(self) -> &'static str {
        match self {
            Self::Ingestion => "plain-server",
            Self::Processing => "plain-loop",
        }
    }
}

/// Who plays a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The product.
    Program {
        path: PathBuf,
        /// Whether it is the only one: its path says nothing then.
        alone: bool,
    },
    /// Another implementation of the contract, as a shell command (`--original`).
    Original(String),
    /// The least that the role must do, without actors, framework or protection.
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

fn program(path: &Path, role: Role, redis: &Redis, replica: u32) -> Command {
    let keys = keys();
    let mut command = Command::new(path);
    // Flags win over the environment, from which everything else may come.
    command
        .args([role.name(), "--redis-url", &format!("redis://{HOST}:{}", redis.port())])
        .args(["--redis-stream", keys.stream(), "--consumer-group", keys.group()])
        .args(["--listen-host", &HOST.to_string(), role.port_flag(), "0"]);
    if role == Role::Processing {
        command.args(["--consumer-name", &format!("bench-{replica}")]);
    }
    command
}

/// A shell command with the places filled in that differ from run to run.
fn original(line: &str, role: Role, redis: &Redis, replica: u32, port: u16) -> Command {
    let line = line
        .replace("{role}", role.name())
        .replace("{port}", &port.to_string())
        .replace("{redis_port}", &redis.port().to_string())
        .replace("{consumer}", &format!("bench-{replica}"));
    let keys = keys();
    let mut command = Command::new("sh");
    // The contract's own names, for an implementation that takes its settings from the environment.
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

/// A subject at work.
#[derive(Debug)]
pub struct Service {
    process: Process,
    /// Where another implementation was told to listen; ours says itself where it does.
    told: Option<SocketAddr>,
}

/// Starts a subject in a role.
///
/// # Errors
/// When it cannot be started.
pub fn start(subject: &Subject, role: Role, redis: &Redis) -> anyhow::Result<Service> {
    start_replica(subject, role, redis, 0)
}

/// Starts one of several processes that share a role; its number makes its consumer's name.
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
    let told = matches!(subject, Subject::Original(_)).then(|| (HOST, free).into());
    Ok(Service { process: Process::spawn(command, &redis.file("service.log"))?, told })
}

impl Service {
    /// Where it listens: its first line says so, and another implementation is asked until it does.
    ///
    /// # Errors
    /// When it ends, or says something else.
    pub async fn address(&mut self) -> anyhow::Result<SocketAddr> {
        if let Some(told) = self.told {
            self.started().await?;
            return Ok(told);
        }
        let line = self.process.first_line().await?;
        let address = line.trim().rsplit_once("http://").and_then(|(_, text)| text.parse().ok());
        address.with_context(|| format!("a service said {line:?} instead of where it listens"))
    }

    /// Waits until another implementation listens; what it has started counts as its own from then on.
    ///
    /// # Errors
    /// When it ends, or does not.
    pub async fn started(&mut self) -> anyhow::Result<()> {
        let Some(address) = self.told else {
            return Ok(());
        };
        let started = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            self.check()?;
            ensure!(started.elapsed() < START_TIMEOUT, "nothing listens on {address}");
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Its process ids: one, but for an implementation that starts others.
    pub fn pids(&self) -> Vec<u32> {
        family(self.process.pid())
    }

    /// Makes sure that it still runs.
    ///
    /// # Errors
    /// When it has ended: with the end of its log.
    pub fn check(&mut self) -> anyhow::Result<()> {
        self.process.check()
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it has ended before: whatever was measured is void then.
    pub async fn end(self) -> anyhow::Result<()> {
        self.process.end().await
    }
}

/// Makes sure that a program is there before minutes are spent.
///
/// # Errors
/// When it is not.
pub fn check(programs: &Programs) -> anyhow::Result<()> {
    let missing = programs.program.iter().find(|path| !path.is_file());
    if let Some(path) = missing {
        let path = path.display();
        bail!("there is no {path}; `cargo build --release` makes it, --program names another");
    }
    Ok(())
}
