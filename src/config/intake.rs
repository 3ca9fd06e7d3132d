//! How readings are taken.

use std::time::Duration;

use clap::Args;

use super::values::{duration, entries};

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

/// The longest time that idempotency keys are kept for.
const LONGEST_TTL: Duration = Duration::from_hours(366 * 24);

impl IntakeSettings {
    /// Entries that may wait to be processed; `None` is no limit.
    pub const fn max_backlog(&self) -> Option<u64> {
        if self.max_backlog == 0 { None } else { Some(self.max_backlog) }
    }

    /// How long an idempotency key is known at least.
    pub fn idempotency_ttl(&self) -> anyhow::Result<Duration> {
        let ttl = self.idempotency_ttl;
        anyhow::ensure!(!ttl.is_zero(), "IDEMPOTENCY_TTL must be above 0");
        // Redis refuses times that it cannot add to its clock, and would do so after the entry is added.
        anyhow::ensure!(ttl <= LONGEST_TTL, "IDEMPOTENCY_TTL must be at most 366d");
        Ok(ttl)
    }
}
