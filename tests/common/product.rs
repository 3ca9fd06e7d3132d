//! The program under test, in one of its roles.

use std::ffi::OsStr;
use std::ops::Deref;
use std::process::Command;
use std::time::Duration;

use reqwest::{Client, Method};

use super::http::{self, Http, Reply};
use super::process::{Ended, Process};
use super::redis::RedisServer;
use super::wait;

/// A command line of the program, before it is started.
pub struct Launch {
    name: String,
    command: Command,
}

/// A running role.
pub struct Role {
    http: Http,
    process: Process,
}

pub fn ingestion_api(redis: &RedisServer) -> Launch {
    role("ingestion-api", redis)
}

pub fn processing_service(redis: &RedisServer) -> Launch {
    role("processing-service", redis).env("CONSUMER_NAME", "consumer-1")
}

pub fn query_api(redis: &RedisServer) -> Launch {
    role("query-api", redis)
}

fn role(name: &str, redis: &RedisServer) -> Launch {
    launch(&[name]).env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port())
}

/// The program with these arguments, free ports, and of our environment the `PATH` only.
pub fn launch(arguments: &[&str]) -> Launch {
    let mut command = Command::new(env!("CARGO_BIN_EXE_energy-pipeline"));
    command.args(arguments).env_clear().env("LISTEN_HOST", "127.0.0.1").envs(
        ["INGESTION_PORT", "PROCESSING_PORT", "FRONTEND_PORT"].map(|variable| (variable, "0")),
    );
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    Launch { name: arguments.join(" "), command }
}

impl Launch {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers read better than references to them"
    )]
    pub fn env(mut self, variable: &str, value: impl ToString) -> Self {
        self.command.env(variable, value.to_string());
        self
    }

    /// The same, started by a shell script that receives it as its arguments.
    pub fn through(mut self, script: &str) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]).arg(self.command.get_program()).args(self.command.get_args());
        shell
            .env_clear()
            .envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.command = shell;
        self
    }

    pub fn without_env(mut self, variable: &str) -> Self {
        self.command.env_remove(variable);
        self
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Starts it.
    pub fn start_process(mut self) -> Process {
        Process::start(&self.name, &mut self.command)
    }

    /// Starts a role and waits until it prints its URL.
    pub async fn start(self) -> Role {
        self.start_for(http::builder().build().unwrap()).await
    }

    /// Starts a role and waits until it prints its URL, to which this client sends requests.
    pub async fn start_for(self, client: Client) -> Role {
        let what = format!("{} says where it listens", self.name);
        let mut process = self.start_process();
        let base = wait::until_some(&what, async || {
            assert!(process.is_running(), "it has ended:\n{}", process.stderr());
            after(&process.stdout(), " listens on ")
        });
        let http = Http::with(client, &base.await);
        Role { http, process }
    }

    /// Starts it and waits until it has exited.
    pub async fn run(self) -> Ended {
        self.start_process().ended().await
    }

    /// Starts it and waits until it has exited, which must be within `deadline`.
    pub async fn run_within(self, deadline: Duration) -> Ended {
        self.start_process().ended_within(deadline).await
    }
}

/// The word after `mark` in its line; the line must be complete.
pub fn after(text: &str, mark: &str) -> Option<String> {
    let (_, rest) = text.split_once(mark)?;
    let (line, _) = rest.split_once('\n')?;
    Some(line.trim_start().split(' ').next()?.to_owned())
}

impl Role {
    /// A value in kB from `/proc/PID/status`, such as `VmHWM`, its peak memory.
    pub fn memory_kb(&self, name: &str) -> u64 {
        self.process.memory_kb(name)
    }

    /// Its log so far.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Sends it `SIGTERM`, as container platforms do.
    pub fn terminate(&mut self) {
        self.signal("TERM");
    }

    /// Sends it a signal: with `STOP` it freezes until `CONT`.
    pub fn signal(&mut self, signal: &str) {
        self.process.signal(signal);
    }

    /// A counter of this process, by its Prometheus name; the sum over its labels.
    pub async fn counter(&self, name: &str) -> u64 {
        let request = self.request(Method::GET, "/metrics").header("accept", "text/plain");
        let text = Reply::of(request).await.text();
        let value = |line: &str| {
            let rest = line.strip_prefix(name)?;
            let counts = rest.starts_with(['{', ' ']);
            counts.then(|| rest.rsplit(' ').next()?.parse::<u64>().ok()).flatten()
        };
        text.lines().filter_map(value).sum()
    }

    /// Waits until it has exited, and returns its exit code.
    pub async fn exit_code(&mut self) -> Option<i32> {
        self.process.ended().await.status.code()
    }
}

/// Requests go to the role over HTTP.
impl Deref for Role {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}
