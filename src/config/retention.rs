//! Retention of stored readings.

use std::time::Duration;

use clap::Args;
use readings::Instant;

use super::parsers::duration;

#[derive(Debug, Clone, Args)]
pub struct RetentionSettings {
    /// Age by timestamp at which stored readings expire, as `90d` or `2y`; `0` is never
    #[arg(long, env, value_name = "TIME", default_value = "0", value_parser = duration)]
    readings_retention: Duration,
}

impl RetentionSettings {
    /// The age at which stored readings expire; `None` is never.
    pub fn age(&self) -> Option<Duration> {
        Some(self.readings_retention).filter(|age| !age.is_zero())
    }

    /// Readings with earlier timestamps are expired: deleted, or about to be.
    pub fn oldest_kept(&self) -> Option<Instant> {
        Instant::before_now(self.age()?)
    }
}
