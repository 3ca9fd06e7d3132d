//! Files to import, and the result of an import.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::Ended;
use super::product::{Launch, launch};
use super::readings::reading;
use super::redis::{RedisServer, STREAM};

/// A directory with a file in it.
pub struct Input {
    pub directory: TempDir,
    pub file: PathBuf,
}

impl Input {
    pub fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        Self { directory, file }
    }

    pub fn rejects(&self) -> PathBuf {
        self.directory.path().join("rejects.ndjson")
    }

    /// The lines of the rejects file, in the order of the input.
    pub fn rejected(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.rejects()).unwrap();
        let mut lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line| line["line"].as_u64());
        lines
    }
}

pub fn import(file: &Path, url: &str) -> Launch {
    launch(&["import"]).arg(file).arg("--url").arg(url)
}

/// A number of the summary.
pub fn figure(ended: &Ended, name: &str) -> u64 {
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.and_then(|rest| rest.trim().parse().ok());
    figure.unwrap_or_else(|| panic!("no {name} in {ended:?}"))
}

/// The command that an import prints at its end, as its arguments after the program's name.
pub fn named_command(ended: &Ended) -> Vec<String> {
    let line = ended.stderr.lines().find_map(|line| line.strip_prefix("  "));
    let line = line.unwrap_or_else(|| panic!("no command in {ended:?}"));
    line.split(' ').map(ToOwned::to_owned).collect()
}

pub fn rows(count: usize) -> String {
    let row = |n: usize| {
        let mut row = reading("house");
        row["power_reading"] = json!(n);
        row.to_string()
    };
    (0..count).map(row).collect::<Vec<_>>().join("\n")
}

pub fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A zip archive with this file, deflated (APPNOTE.TXT 4.3).
pub fn zip(name: &str, text: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    let data = encoder.finish().unwrap();
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let mut entry = [20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0].to_vec();
    entry.extend(
        [crc.sum().to_le_bytes(), number(data.len()), number(text.len()), number(name.len())]
            .concat(),
    );
    let local = [b"PK\x03\x04", &entry[..], name.as_bytes(), &data].concat();
    let directory = [b"PK\x01\x02\x14\0", &entry[..], &[0; 14], name.as_bytes()].concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &number(directory.len())[..],
        &number(local.len()),
        b"\0\0",
    ]
    .concat();
    [local, directory, end].concat()
}

/// The power readings that are in the stream.
pub async fn powers(redis: &RedisServer) -> Vec<f64> {
    let entries = redis.entries(STREAM).await;
    let mut powers: Vec<f64> =
        entries.iter().map(|entry| entry.fields[2].1.parse().unwrap()).collect();
    powers.sort_by(f64::total_cmp);
    powers
}
