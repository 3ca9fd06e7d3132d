//! A kind of server that a run starts.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::process::Command;

use super::address::HOST;
use crate::aof::Aof;

/// A kind of server that a run starts.
#[derive(Debug, Clone)]
pub struct Store {
    program: PathBuf,
    aof: Aof,
    version: String,
}

impl Store {
    /// A server program in a persistence mode.
    ///
    /// # Errors
    /// When the program is missing.
    pub async fn new(program: &Path, aof: Aof) -> anyhow::Result<Self> {
        let output = Command::new(program).arg("--version").output().await;
        let missing = || format!("there is no {} on this machine", program.display());
        let output = output.with_context(missing)?.stdout;
        let version = version(&String::from_utf8_lossy(&output));
        let version =
            version.with_context(|| format!("{} prints no version", program.display()))?;
        Ok(Self { program: program.to_owned(), aof, version })
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.version, self.aof)
    }
}

/// `Redis 7.0.15` of "Redis server v=7.0.15 sha=…"; Valkey's format is the same.
fn version(text: &str) -> Option<String> {
    let name = text.split_whitespace().next()?;
    let number = text.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
    Some(format!("{name} {number}"))
}

/// The command that starts it.
pub(super) fn command(store: &Store, port: u16, directory: &Path) -> Command {
    let (append_only, flush) = store.aof.settings();
    let mut command = Command::new(&store.program);
    command
        .args(["--bind", &HOST.to_string(), "--port", &port.to_string(), "--save", ""])
        .args(["--appendonly", append_only, "--appendfsync", flush])
        // A rewrite in one run but not in another would make them incomparable.
        .args(["--auto-aof-rewrite-percentage", "0"])
        .args(["--logfile", "redis.log", "--dir"])
        .arg(directory)
        .current_dir(directory);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_which_the_server_prints() {
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        let valkey = "Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        assert_eq!(version(redis).as_deref(), Some("Redis 7.0.15"));
        assert_eq!(version(valkey).as_deref(), Some("Valkey 8.1.1"));
        assert_eq!(version("energy-pipeline 0.1.0"), None);
    }
}
