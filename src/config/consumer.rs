//! Settings of the consumer and its pipeline.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use actors::PipelineConfig;
use clap::{Args, ValueEnum};
use readings::store::series::DedupPolicy;

use super::parsers::{count, duration, milliseconds};
use super::{DrainSettings, Instance, PackingSettings, RedisSettings, RetentionSettings};

#[derive(Debug, Clone, Args)]
pub struct ConsumerSettings {
    #[command(flatten)]
    pub instance: Instance,
    /// Artificial delay before each reading is stored, to try autoscaling; in milliseconds, or as `1s`
    #[arg(long, env, value_name = "MS", default_value = "0", value_parser = milliseconds::<0, 3_600_000>)]
    pub(super) processing_delay_ms: Duration,
    /// Maximum number of entries per read (`COUNT` of `XREADGROUP`). Lower: more commands for the same
    /// readings. Higher: more memory, and each command occupies Redis longer
    #[arg(long, env, value_name = "ENTRIES", default_value = "500", value_parser = count::<1, 100_000>)]
    pub(super) batch_size: NonZeroUsize,
    /// Maximum number of entries in flight: delivered to this process and not yet acknowledged. Lower: less
    /// throughput. Higher: more entries to claim after a crash
    #[arg(long, env, value_name = "ENTRIES", default_value = "4000", value_parser = count::<1, 1_000_000>)]
    pub(super) max_in_flight: NonZeroUsize,
    /// How long a read waits for new entries (`BLOCK` of `XREADGROUP`), in milliseconds, or as `4s`
    #[arg(long, env, value_name = "MS", default_value = "4000", value_parser = milliseconds::<10, 60_000>)]
    pub(super) read_block_ms: Duration,
    /// Idle time after which a pending entry is claimed by another consumer (`XAUTOCLAIM`), in
    /// milliseconds, or as `30s`. Lower: entries of slow consumers are processed twice. Higher: entries of
    /// a crashed consumer wait longer
    #[arg(long, env, value_name = "MS", default_value = "30000", value_parser = milliseconds::<100, 3_600_000>)]
    pub(super) claim_min_idle_ms: Duration,
    /// Processing failures (panics) after which an entry is dead-lettered. Errors of Redis do not count.
    /// Lower: entries that fail now and then are dead-lettered. Higher: more restarts for an entry that
    /// always fails
    #[arg(long, env, value_name = "COUNT", default_value = "5", value_parser = count::<1, 1_000>)]
    max_processing_failures: NonZeroUsize,
    /// How long entries stay in the stream after every group has acknowledged them, as `90s`, `5m` or `1h`.
    /// Lower: less memory. Higher: a new group can read further back
    #[arg(long, env, value_name = "TIME", default_value = "5m", value_parser = duration)]
    stream_retention: Duration,
    /// Which of several readings of a site with the same device and instant is kept: `none` (all of them), `first` or
    /// `last`, by the order of their acceptance. The same for all processing services. Readings that are stored already
    /// are compared when another one of their device and instant arrives
    #[arg(long, env, value_name = "POLICY", default_value = "none", ignore_case = true)]
    dedup_policy: Dedup,
    /// How long the pipeline may make no progress before `/livez` fails, as `2m`. An unavailable Redis does
    /// not count. Lower: a stalled process is restarted earlier. Higher: it is restarted later
    #[arg(long, env, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub(super) progress_timeout: Duration,
    #[command(flatten)]
    pub(super) retention: RetentionSettings,
    #[command(flatten)]
    pub(super) packing: PackingSettings,
    #[command(flatten)]
    drain: DrainSettings,
}

/// Which of several readings is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dedup {
    None,
    First,
    Last,
}

impl From<Dedup> for DedupPolicy {
    fn from(policy: Dedup) -> Self {
        match policy {
            Dedup::None => Self::None,
            Dedup::First => Self::First,
            Dedup::Last => Self::Last,
        }
    }
}

impl ConsumerSettings {
    /// The retention of stored readings.
    pub const fn retention(&self) -> &RetentionSettings {
        &self.retention
    }

    /// The graceful shutdown timeout.
    pub const fn drain_timeout(&self) -> Duration {
        self.drain.timeout()
    }

    /// The pipeline's configuration.
    ///
    /// # Errors
    /// Names two settings that contradict each other.
    pub fn pipeline(&self, redis: &RedisSettings) -> anyhow::Result<PipelineConfig> {
        self.check_constraints()?;
        Ok(PipelineConfig {
            keys: redis.keys(),
            consumer: self.instance.name(),
            batch_size: self.batch_size,
            max_in_flight: self.max_in_flight,
            read_block: self.read_block_ms,
            claim_min_idle: self.claim_min_idle_ms,
            max_processing_failures: NonZeroU32::try_from(self.max_processing_failures)?,
            stream_retention: self.stream_retention,
            readings_retention: self.retention.age(),
            pack_after: self.packing.pack_after(),
            dedup_policy: self.dedup_policy.into(),
            processing_delay: self.processing_delay_ms,
            progress_timeout: self.progress_timeout,
            drain_timeout: self.drain_timeout(),
        })
    }
}
