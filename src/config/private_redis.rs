//! The private Redis of `up`.

use std::path::PathBuf;

use clap::Args;

use super::parsers::port;
use super::{DataDir, SettingError};

#[derive(Debug, Clone, Args)]
pub struct PrivateRedis {
    #[command(flatten)]
    data: DataDir,
    /// Port of 127.0.0.1 on which the private Redis of `up` listens as well, with a password; 0 chooses a free one. If
    /// unset it listens on a Unix socket only, which other users cannot open
    #[arg(long, env, value_name = "PORT", value_parser = port)]
    private_redis_port: Option<u16>,
}

impl PrivateRedis {
    /// The data directory, whether it exists or not.
    ///
    /// # Errors
    /// As [`DataDir::path`].
    pub fn directory(&self) -> Result<PathBuf, SettingError> {
        self.data.path()
    }

    /// The port, if one is set.
    pub const fn port(&self) -> Option<u16> {
        self.private_redis_port
    }
}
