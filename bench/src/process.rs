//! A child process that is killed when its owner is dropped.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Timeout of a process's first line.
const FIRST_LINE_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of the log an error shows when a process ended early, in bytes.
const LOG_TAIL_BYTES: usize = 2_000;

/// A running child process. Dropping it kills its process group, and so its own children.
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
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = child.id().context("a process that just started has an id")?;
        let output = child.stdout.take().context("the output is piped")?;
        Ok(Self { name, child, pid, log: log.to_owned(), output: BufReader::new(output) })
    }

    /// Its process id.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// The first line of its standard output.
    ///
    /// # Errors
    /// When it ends, or prints nothing in time.
    pub async fn first_line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let read = timeout(FIRST_LINE_TIMEOUT, self.output.read_line(&mut line)).await;
        match read.with_context(|| format!("{} prints nothing", self.name))?? {
            0 => bail!("{} ended at once: {}", self.name, self.log_tail()),
            _ => Ok(line),
        }
    }

    /// Checks that it is running.
    ///
    /// # Errors
    /// When it has ended; the error has the end of its log.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}): {}", self.name, self.log_tail()),
        }
    }

    /// Kills it, and waits for its end.
    ///
    /// # Errors
    /// When it ended before: the run is void.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.check()?;
        self.kill_group();
        self.child.kill().await.with_context(|| format!("cannot end {}", self.name))
    }

    /// Does nothing after its end: its id may have been reused.
    fn kill_group(&self) {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        // Err means that it has just ended.
        let _ = id.map(|id| kill_process_group(id, Signal::KILL));
    }

    fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let shown = &log[log.len().saturating_sub(LOG_TAIL_BYTES)..];
        String::from_utf8_lossy(shown).trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::time::sleep;

    use super::*;
    use crate::usage::family;

    const TIMEOUT: Duration = Duration::from_secs(10);

    async fn until(what: &str, met: impl Fn() -> bool) {
        let started = Instant::now();
        while !met() {
            assert!(started.elapsed() < TIMEOUT, "never: {what}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// A zombie has ended.
    fn runs(pid: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
    }

    #[tokio::test]
    async fn children_of_a_process_are_counted_and_killed_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & wait"]);
        let process = Process::spawn(command, &directory.path().join("log")).unwrap();
        let pid = process.pid();
        until("it starts another", || family(pid).len() == 2).await;
        let family = family(pid);
        drop(process);
        until("all have ended", || !family.iter().any(|&pid| runs(pid))).await;
    }
}
