//! Limits of the Ingestion API.

use std::time::Duration;

use clap::Args;

use super::SettingError;
use super::parsers::{duration, entries};

#[derive(Debug, Clone, Args)]
pub struct IngestionLimitSettings {
    /// Maximum backlog: unread and pending entries. At the limit, `POST /readings` responds 503. `0` is
    /// unlimited
    #[arg(long, env, value_name = "ENTRIES", default_value = "0", value_parser = entries)]
    max_backlog: u64,
    /// How long an `Idempotency-Key` is kept at least, as `24h`. Lower: less memory (36 bytes per key).
    /// Higher: a request can be repeated after a longer time
    #[arg(long, env, value_name = "TIME", default_value = "24h", value_parser = duration)]
    idempotency_ttl: Duration,
}

/// Longest lifetime of idempotency keys. Redis rejects a time to live that it cannot add to its clock, and
/// would do so after the entry is appended.
const LONGEST_TTL: Duration = Duration::from_hours(366 * 24);

impl IngestionLimitSettings {
    /// Maximum number of unread and pending entries; `None` is unlimited.
    pub const fn max_backlog(&self) -> Option<u64> {
        if self.max_backlog == 0 { None } else { Some(self.max_backlog) }
    }

    /// How long an idempotency key is kept at least.
    ///
    /// # Errors
    /// When the time is 0 or too long for Redis.
    pub fn idempotency_ttl(&self) -> Result<Duration, SettingError> {
        let error = |rule| Err(SettingError::new("IDEMPOTENCY_TTL", rule));
        match self.idempotency_ttl {
            Duration::ZERO => error("must be above 0"),
            ttl if ttl > LONGEST_TTL => error("must be at most 366d"),
            ttl => Ok(ttl),
        }
    }
}
