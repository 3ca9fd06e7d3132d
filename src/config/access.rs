//! Which clients may do what.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use api::access::AccessPolicy;
use api::rate::Rate;
use clap::Args;
use tracing::warn;

use super::SettingError;

const API_KEYS_FILE: &str = "API_KEYS_FILE";

/// The permissions with which other users may read the file, or change it.
const OTHERS: u32 = 0o027;

#[derive(Debug, Clone, Args)]
pub struct AccessSettings {
    /// File of API keys, as `energy-pipeline keys create` writes it, read again when it changes. Each request
    /// then needs a key that permits it, but for probes and documentation. If unset, every client that
    /// reaches the service may write, read and operate
    #[arg(long, env, value_name = "FILE")]
    api_keys_file: Option<PathBuf>,
    /// How many requests each API key may send, as `100/s`, `6000/min` or `100000/h`, unless the key has a rate of its own;
    /// others get 429. As many may come at once, unless it ends with `burst=20`. If unset unlimited. Lower: a sender
    /// waits, as after an outage. Higher: one sender can take more of the service
    #[arg(long, env, value_name = "RATE", value_parser = str::parse::<Rate>)]
    rate_limit_per_key: Option<Rate>,
}

impl AccessSettings {
    /// Whether requests need a key.
    pub const fn requires_keys(&self) -> bool {
        self.api_keys_file.is_some()
    }

    /// Reads the keys, if there is a file.
    ///
    /// # Errors
    /// When the file cannot be read, or its content is invalid.
    pub fn policy(&self) -> Result<AccessPolicy, SettingError> {
        let Some(file) = &self.api_keys_file else { return Ok(AccessPolicy::open()) };
        let policy = AccessPolicy::with_keys(API_KEYS_FILE, file.clone(), self.rate_limit_per_key);
        let policy = policy.map_err(|error| SettingError::new(API_KEYS_FILE, error))?;
        warn_of_other_users(file);
        Ok(policy)
    }
}

/// The file has no secrets, but who may change it may add keys.
fn warn_of_other_users(file: &Path) {
    let mode = fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode());
    if mode & OTHERS != 0 {
        let (file, mode) = (file.display(), format!("{:03o}", mode & 0o777));
        warn!(%file, mode, "other users may read or change the API keys");
    }
}
