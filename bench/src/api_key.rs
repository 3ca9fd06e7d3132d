//! An API key of a measured service.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::redis_server::Redis;

/// A key that permits to send readings.
#[derive(Debug)]
pub struct ApiKey {
    /// The file of `API_KEYS_FILE`.
    pub file: PathBuf,
    /// The value of the `Authorization` header.
    pub authorization: String,
}

impl ApiKey {
    /// Creates one by the program's own command, in a file beside the data of a Redis server.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn create(program: &Path, redis: &Redis) -> anyhow::Result<Self> {
        let file = redis.file("keys.json");
        let mut command = Command::new(program);
        command.args(["keys", "create", "--name", "bench", "--scope", "write", "--keys-file"]);
        let output = command.arg(&file).output().await.context("cannot create an API key")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cannot create an API key: {errors}");
        let token = String::from_utf8(output.stdout)?;
        Ok(Self { file, authorization: format!("Bearer {}", token.trim_end()) })
    }
}
