//! Disks that are full: the files of a process are limited, and a write beyond the limit is an error as on a full disk.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::common::process::Process;
use crate::common::redis::{RedisServer, program, try_run};
use crate::common::wait;

/// More than any test writes.
pub const LARGE: u64 = 1 << 30;

/// A script for a shell that runs its arguments with files of this number of bytes at most.
pub fn with_files_of(bytes: u64) -> String {
    format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", bytes / 512)
}

/// A directory with files of a limited size, and a Redis over it, at the port of another one that is not started.
pub struct SmallDisk {
    redis: Process,
    directory: TempDir,
}

impl SmallDisk {
    /// Starts Redis with files of this number of bytes at most.
    pub async fn start(at: &RedisServer, fsync: &str, bytes: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let redis = spawn(at, fsync, bytes, &directory);
        wait_until_it_answers(at).await;
        Self { redis, directory }
    }

    /// Starts Redis over the same files.
    pub async fn restart(&mut self, at: &RedisServer, fsync: &str, bytes: u64) {
        self.redis = spawn(at, fsync, bytes, &self.directory);
        wait_until_it_answers(at).await;
    }

    /// Whether Redis runs.
    pub fn is_redis_running(&mut self) -> bool {
        self.redis.is_running()
    }

    /// No file can become larger than the largest one is.
    pub fn fill(&self) {
        let files = fs::read_dir(self.directory.path().join("appendonlydir")).unwrap();
        let sizes = files.map(|file| file.unwrap().metadata().unwrap().len());
        self.limit(&sizes.max().unwrap().to_string());
    }

    /// There is room for everything.
    pub fn make_room(&self) {
        self.limit("unlimited");
    }

    /// The soft limit: the hard one can only be lowered.
    fn limit(&self, bytes: &str) {
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &self.redis.pid().to_string(), &format!("--fsize={bytes}:")]);
        assert!(prlimit.status().unwrap().success());
    }
}

fn spawn(at: &RedisServer, fsync: &str, bytes: u64, directory: &TempDir) -> Process {
    let mut shell = Command::new("sh");
    shell.args(["-c", &with_files_of(bytes)]).arg(program());
    shell.args(["--bind", "127.0.0.1", "--port", &at.port().to_string(), "--save", ""]);
    shell.args(["--appendonly", "yes", "--appendfsync", fsync]);
    shell.args(["--auto-aof-rewrite-percentage", "0", "--dir"]).arg(directory.path());
    Process::start("redis-server with a small disk", &mut shell)
}

async fn wait_until_it_answers(redis: &RedisServer) {
    wait::until("redis-server answers", async || {
        try_run::<String>(redis.port(), &["PING"]).await.is_ok()
    })
    .await;
}
