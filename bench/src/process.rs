//! A child process that ends when its owner does.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// How long a process may take to say that it listens.
const FIRST_LINE_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of its log is shown when a process ended that should not have, in bytes.
const SHOWN_LOG: usize = 2_000;

/// A running child process. Dropping it kills it, by its process id.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    pid: u32,
    log: PathBuf,
    /// Kept open, so that the process can write to it.
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a process whose standard error goes to a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        let errors = OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = child.id().context("a process that just started has an id")?;
        let output = child.stdout.take().context("the output is piped")?;
        Ok(Self { name, child, pid, log: log.to_owned(), output: BufReader::new(output) })
    }

    /// Its process id.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// What it says first on standard output.
    ///
    /// # Errors
    /// When it ends, or says nothing in time.
    pub async fn first_line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let read = timeout(FIRST_LINE_TIMEOUT, self.output.read_line(&mut line)).await;
        match read.with_context(|| format!("{} says nothing", self.name))?? {
            0 => bail!("{} ended at once: {}", self.name, self.last_words()),
            _ => Ok(line),
        }
    }

    /// Makes sure that it still runs.
    ///
    /// # Errors
    /// When it has ended: with the end of its log.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}): {}", self.name, self.last_words()),
        }
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it has ended before: whatever was measured is void then.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.check()?;
        self.child.kill().await.with_context(|| format!("cannot end {}", self.name))
    }

    fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let shown = &log[log.len().saturating_sub(SHOWN_LOG)..];
        String::from_utf8_lossy(shown).trim().to_owned()
    }
}
