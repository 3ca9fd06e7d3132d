//! Graceful shutdown.

use std::time::Duration;

use clap::Args;

use super::parsers::milliseconds;

#[derive(Debug, Clone, Args)]
pub struct DrainSettings {
    /// Graceful shutdown timeout, in milliseconds, or as `20s`; must be below the grace period of the
    /// platform. Lower: entries in flight are left to other consumers. Higher: a roll-out takes longer
    #[arg(long, env, value_name = "MS", default_value = "20000", value_parser = milliseconds::<0, 3_600_000>)]
    drain_timeout_ms: Duration,
}

impl DrainSettings {
    /// The graceful shutdown timeout.
    pub const fn timeout(&self) -> Duration {
        self.drain_timeout_ms
    }
}
