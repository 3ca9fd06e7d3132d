//! How readings are taken.

use std::time::Duration;

use clap::Args;

use super::SettingFault;
use super::parsers::{duration, entries};

#[derive(Debug, Clone, Args)]
pub struct IntakeSettings {
    /// Entries that may wait to be processed; above that no readings are taken (503). `0` is no limit
    #[arg(long, env, value_name = "ENTRIES", default_value = "0", value_parser = entries)]
    max_backlog: u64,
    /// How long an `Idempotency-Key` is known at least, as `24h`. Lower: less memory (36 bytes a key).
    /// Higher: a client may send again after a longer time
    #[arg(long, env, value_name = "TIME", default_value = "24h", value_parser = duration)]
    idempotency_ttl: Duration,
}

/// The longest time that idempotency keys are kept for. Redis refuses times that it cannot add to its
/// clock, and would do so after the entry is added.
const LONGEST_TTL: Duration = Duration::from_hours(366 * 24);

impl IntakeSettings {
    /// Entries that may wait to be processed; `None` is no limit.
    pub const fn max_backlog(&self) -> Option<u64> {
        if self.max_backlog == 0 { None } else { Some(self.max_backlog) }
    }

    /// How long an idempotency key is known at least.
    pub fn idempotency_ttl(&self) -> Result<Duration, SettingFault> {
        let fault = |rule| Err(SettingFault::new("IDEMPOTENCY_TTL", rule));
        match self.idempotency_ttl {
            Duration::ZERO => fault("must be above 0"),
            ttl if ttl > LONGEST_TTL => fault("must be at most 366d"),
            ttl => Ok(ttl),
        }
    }
}
