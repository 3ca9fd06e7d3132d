//! A child process that never outlives its test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::wait;

/// Lines of its log that are shown when the test fails.
const SHOWN_LINES: usize = 40;

/// A running program and its output.
pub struct Process {
    name: String,
    child: Child,
    stdout: Output,
    stderr: Output,
}

/// The exit status and output of a program.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    /// Starts a program.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let stdout = Output::of(child.stdout.take());
        let stderr = Output::of(child.stderr.take());
        Self { name: name.to_owned(), child, stdout, stderr }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not exited yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends it a signal, such as `TERM`, `STOP` or `CONT`.
    pub fn signal(&mut self, signal: &str) {
        assert!(self.is_running(), "{} has ended already", self.name);
        self::signal(self.pid(), signal);
    }

    /// Kills it (`SIGKILL`) and waits until it has exited.
    pub fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has exited.
    pub async fn ended(&mut self) -> Ended {
        self.ended_within(wait::DEADLINE).await
    }

    /// Waits until it has exited, which must be within `deadline`.
    pub async fn ended_within(&mut self, deadline: Duration) -> Ended {
        let what = format!("{} ends", self.name);
        wait::within(deadline, &what, async || !self.is_running()).await;
        let status = self.child.wait().unwrap();
        self.stdout.finish();
        self.stderr.finish();
        Ended { status, stdout: self.stdout.text(), stderr: self.stderr.text() }
    }

    /// Its standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Its standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// A value in kB from `/proc/PID/status`, such as `VmHWM`, its peak memory.
    pub fn memory_kb(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let figure = line.unwrap_or_else(|| panic!("there is no {name} in {status}"));
        figure.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Err: it has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            for output in [&mut self.stdout, &mut self.stderr] {
                output.finish();
                let text = output.text();
                let lines: Vec<_> = text.lines().collect();
                let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
                println!("--- {} (process {}) said:\n{shown}", self.name, self.child.id());
            }
        }
    }
}

/// Sends a signal by process id.
pub fn signal(pid: u32, signal: &str) {
    assert!(try_signal(pid, signal), "cannot send {signal} to {pid}");
}

/// Sends a signal by process id to a process that may have ended: whether it had not. Through the shell: our crates have no
/// unsafe code.
pub fn try_signal(pid: u32, signal: &str) -> bool {
    let mut kill = Command::new("sh");
    let kill = kill.args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid.to_string()]);
    kill.stderr(Stdio::null()).status().unwrap().success()
}

/// The running child processes of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().map(|child| child.parse().unwrap()).collect()
}

/// Collects the output of a pipe.
struct Output {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let collected = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let lines = pipe.into_iter().flat_map(|pipe| BufReader::new(pipe).lines());
            for line in lines.map_while(Result::ok) {
                let mut text = collected.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// Waits until the pipe is closed, which is when the program has exited.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}
