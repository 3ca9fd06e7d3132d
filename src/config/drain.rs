//! How long ending may take.

use std::time::Duration;

use clap::Args;

use super::parsers::milliseconds;

#[derive(Debug, Clone, Args)]
pub struct DrainSettings {
    /// How long ending may take, in milliseconds; below the grace period of the platform
    #[arg(long, env, value_name = "MS", default_value = "20000", value_parser = milliseconds::<0, 3_600_000>)]
    drain_timeout_ms: Duration,
}

impl DrainSettings {
    /// How long ending may take.
    pub const fn timeout(&self) -> Duration {
        self.drain_timeout_ms
    }
}
