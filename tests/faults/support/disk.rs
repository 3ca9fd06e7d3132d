//! The files of Redis, and how a power failure leaves them.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use super::redis_at::RedisAt;
use crate::common::redis::STREAM;

/// The directory of a Redis.
#[derive(Debug, Clone)]
pub struct Disk(PathBuf);

impl Disk {
    /// The directory of the running Redis at a port.
    pub async fn of(redis_port: u16) -> Self {
        let [_, directory]: [String; 2] = RedisAt::port(redis_port).run("CONFIG GET dir").await;
        Self(directory.into())
    }

    /// Truncates the append-only file of a killed Redis by bytes that had not reached the disk. A
    /// transaction is removed as a whole: Redis 7.0 ignores one that is truncated within a command,
    /// but leaves its beginning in the file, and executes it at the start after the next.
    ///
    /// Returns the ids of the lost entries, also of those whose sender does not know them.
    pub fn truncate_aof(&self, bytes: usize) -> BTreeSet<String> {
        let path = self.appended();
        let content = fs::read(&path).unwrap();
        let kept = &content[..content.len().saturating_sub(bytes)];
        let last = |command: &[u8]| kept.windows(command.len()).rposition(|found| found == command);
        let (begin, end) = (last(b"*1\r\n$5\r\nMULTI\r\n"), last(b"*1\r\n$4\r\nEXEC\r\n"));
        let kept = begin.filter(|&begin| end.is_none_or(|end| end < begin)).unwrap_or(kept.len());
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(kept as u64).unwrap();
        added_in(&content[start_of_command(&content, kept)..])
    }

    /// Copies the append-only files.
    #[allow(dead_code, reason = "the soak uses it")]
    pub fn copy_to(&self, directory: &Path) {
        let to = directory.join("appendonlydir");
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(self.0.join("appendonlydir")).unwrap().flatten() {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }

    /// The file that commands are appended to: the newest, when older ones have been rewritten.
    fn appended(&self) -> PathBuf {
        let files = fs::read_dir(self.0.join("appendonlydir")).unwrap();
        let appended = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.to_string_lossy().ends_with(".incr.aof"));
        appended.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).unwrap()
    }
}

/// The start of the command that is truncated at `cut`.
fn start_of_command(commands: &[u8], cut: usize) -> usize {
    let begins = |at: &usize| commands[*at] == b'*' && commands[..*at].ends_with(b"\r\n");
    (0..cut).rev().find(begins).unwrap_or(0)
}

/// The ids of the entries that these commands add to the stream of readings.
fn added_in(commands: &[u8]) -> BTreeSet<String> {
    let commands = String::from_utf8_lossy(commands);
    let add = format!("\r\nXADD\r\n${}\r\n{STREAM}\r\n", STREAM.len());
    let id = |rest: &str| rest.split("\r\n").nth(1).map(str::to_owned);
    commands.split(&add).skip(1).filter_map(id).collect()
}
