//! What is measured: a role of the program, or a process that it is compared with.

use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::cli::Programs;
use crate::process::Process;
use crate::redis_server::{HOST, Redis, keys};

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
    Program(PathBuf),
    /// The least that the role must do, without actors, framework or protection.
    Plain(Role),
}

impl Subject {
    /// All the programs.
    pub fn programs(programs: &Programs) -> impl Iterator<Item = Self> {
        programs.program.iter().cloned().map(Self::Program)
    }

    fn command(&self, role: Role, redis: &Redis, replica: u32) -> anyhow::Result<Command> {
        match self {
            Self::Program(path) => Ok(program(path, role, redis, replica)),
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
            Self::Program(path) => path.display().fmt(f),
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

/// Starts a subject in a role.
///
/// # Errors
/// When it cannot be started.
pub fn start(subject: &Subject, role: Role, redis: &Redis) -> anyhow::Result<Process> {
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
) -> anyhow::Result<Process> {
    Process::spawn(subject.command(role, redis, replica)?, &redis.file("service.log"))
}

/// The address in the line with which a service says where it listens.
///
/// # Errors
/// When it ends, or says something else.
pub async fn address(process: &mut Process) -> anyhow::Result<SocketAddr> {
    let line = process.first_line().await?;
    let address = line.trim().rsplit_once("http://").and_then(|(_, text)| text.parse().ok());
    address.with_context(|| format!("a service said {line:?} instead of where it listens"))
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
