//! How long stored readings are kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use readings::Instant;

use super::parsers::duration;

#[derive(Debug, Clone, Args)]
pub struct RetentionSettings {
    /// How old stored readings may get by their timestamps, as `90d` or `2y`; `0` is for ever
    #[arg(long, env, value_name = "TIME", default_value = "0", value_parser = duration)]
    readings_retention: Duration,
}

impl RetentionSettings {
    /// How old stored readings may get; `None` is for ever.
    pub fn age(&self) -> Option<Duration> {
        Some(self.readings_retention).filter(|age| !age.is_zero())
    }

    /// Readings from before this instant are removed, or soon will be.
    pub fn oldest_kept(&self) -> Option<Instant> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let oldest = i64::try_from(now.checked_sub(self.age()?)?.as_micros()).ok()?;
        Some(Instant::from_epoch_micros(oldest))
    }
}
