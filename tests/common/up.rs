//! `energy-pipeline up`: everything in one process, with its private Redis.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Client;
use serde_json::Value;

use super::http::{self, Http};
use super::process::{self, Process};
use super::product::{Launch, after, launch};
use super::readings::reading;
use super::redis::try_run_at;
use super::wait;

/// A running `up`; its private Redis ends with it, also when it has been orphaned.
pub struct Up {
    pub process: Process,
    pub page: Http,
    pub ingestion: Http,
    pub processing: Http,
    /// The socket of its private Redis.
    pub socket: PathBuf,
    directory: PathBuf,
}

/// The command line over a data directory.
pub fn up(directory: &Path) -> Launch {
    launch(&["up", "--data-dir"]).arg(directory)
}

impl Up {
    /// Starts it and waits until it prints its URLs.
    pub async fn start(directory: &Path) -> Self {
        Self::launched(up(directory), directory).await
    }

    /// Starts a command line over this data directory.
    pub async fn launched(launch: Launch, directory: &Path) -> Self {
        Self::launched_for(http::builder().build().unwrap(), launch, directory).await
    }

    /// Starts a command line over this data directory, to which this client sends requests.
    pub async fn launched_for(client: Client, launch: Launch, directory: &Path) -> Self {
        let mut process = launch.start_process();
        let said = wait::until_some("`up` says where everything is", async || {
            assert!(process.is_running(), "it has ended:\n{}", process.stderr());
            Some(process.stdout()).filter(|said| said.contains("Ctrl-C"))
        })
        .await;
        let word = |mark| after(&said, mark).unwrap_or_else(|| panic!("no {mark:?} in {said}"));
        let http = |mark| Http::with(client.clone(), word(mark).trim_end_matches("/docs"));
        Self {
            page: http("  page "),
            ingestion: http("  ingestion API "),
            processing: http("  processing "),
            socket: PathBuf::from(word("  Redis ")),
            process,
            directory: directory.canonicalize().unwrap(),
        }
    }

    /// Runs a command on its private Redis.
    pub async fn redis<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        try_run_at(&redis_url(&self.socket, self.password().as_deref()), command).await.unwrap()
    }

    /// The password of its private Redis, if it has one.
    pub fn password(&self) -> Option<String> {
        let file = fs::read_to_string(self.directory.join("redis.password")).ok()?;
        Some(file.trim_end().to_owned())
    }

    /// The process id of its private Redis.
    pub async fn redis_pid(&self) -> u32 {
        let pid = self.redis_info("server", "process_id").await;
        pid.parse().unwrap()
    }

    /// Waits until its private Redis has written all it has acknowledged, so that killing it loses
    /// nothing.
    pub async fn wait_until_written(&self) {
        wait::until("the append-only file is written", async || {
            self.redis_info("persistence", "aof_buffer_length").await == "0"
        })
        .await;
    }

    async fn redis_info(&self, section: &str, name: &str) -> String {
        let info: String = self.redis(&["INFO", section]).await;
        let mut lines = info.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap().to_owned()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // The program first: it would restart its Redis.
        self.process.kill9();
        for pid in servers_over(&self.directory) {
            // False: the program's guard has ended it meanwhile.
            let _ = process::try_signal(pid, "KILL");
        }
    }
}

fn redis_url(socket: &Path, password: Option<&str>) -> String {
    let password = password.map(|password| format!("?pass={password}")).unwrap_or_default();
    format!("redis+unix://{}{password}", socket.display())
}

/// The Redis servers that use a directory; it belongs to this test alone.
fn servers_over(directory: &Path) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let entry = entry.ok()?;
        let is_ours = fs::read_link(entry.path().join("cwd")).ok()? == directory;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        (is_ours && name.trim() == "redis-server").then_some(pid)
    });
    pids.collect()
}

/// Whether a process with this id runs (zombies do not).
pub fn is_alive(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// Sends readings, and returns their stream ids.
pub async fn send(ingestion: &Http, path: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let reply = ingestion.post(path, reading("site").to_string()).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        ids.push(reply.json()["stream_id"].as_str().unwrap().to_owned());
    }
    ids
}

/// The readings of the site that `send` uses.
pub async fn stored_ids(processing: &Http, path: &str) -> Vec<String> {
    let reply = processing.get(path).await;
    let body = if reply.status == 200 { reply.json() } else { Value::Null };
    let readings = body["readings"].as_array().into_iter().flatten();
    readings.map(|reading| reading["stream_id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until exactly these readings are read back.
pub async fn wait_until_stored(processing: &Http, ids: &[String]) {
    wait::until("what was accepted is read back", async || {
        stored_ids(processing, "/sites/site/readings").await == ids
    })
    .await;
}
