//! How the stream is consumed.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use actors::PipelineConfig;
use clap::Args;

use super::parsers::{count, duration, milliseconds};
use super::{DrainSettings, RedisSettings, RetentionSettings};

#[derive(Debug, Clone, Args)]
pub struct ConsumerSettings {
    /// This process' name in the consumer group; no two may share one. The host's name if unset
    #[arg(long, env, value_name = "NAME")]
    consumer_name: Option<String>,
    /// The host's name, as shells and Kubernetes set it
    #[arg(long, env, hide = true)]
    hostname: Option<String>,
    /// Artificial delay before each stored reading, in milliseconds, to try autoscaling
    #[arg(long, env, value_name = "MS", default_value = "0", value_parser = milliseconds::<0, 3_600_000>)]
    pub(super) processing_delay_ms: Duration,
    /// Entries that one read asks for at most. Lower: more commands for the same readings. Higher:
    /// more memory, and Redis is busy longer at a time
    #[arg(long, env, value_name = "ENTRIES", default_value = "500", value_parser = count::<1, 100_000>)]
    pub(super) batch_size: NonZeroUsize,
    /// Entries that may be delivered to this process and not yet acknowledged. Lower: Redis waits
    /// for us. Higher: more to take over when the process dies
    #[arg(long, env, value_name = "ENTRIES", default_value = "4000", value_parser = count::<1, 1_000_000>)]
    pub(super) max_in_flight: NonZeroUsize,
    /// How long one read waits for new entries, in milliseconds
    #[arg(long, env, value_name = "MS", default_value = "4000", value_parser = milliseconds::<10, 60_000>)]
    pub(super) read_block_ms: Duration,
    /// How long an entry must be pending before another process takes it over, in milliseconds.
    /// Lower: slow processes have their work done twice. Higher: what a dead one left waits longer
    #[arg(long, env, value_name = "MS", default_value = "30000", value_parser = milliseconds::<100, 3_600_000>)]
    pub(super) claim_min_idle_ms: Duration,
    /// Failures of an entry's own (storing it panics) after which it becomes a dead letter. An outage
    /// of Redis never counts
    #[arg(long, env, value_name = "COUNT", default_value = "5", value_parser = count::<1, 1_000>)]
    max_deliveries: NonZeroUsize,
    /// How long entries stay in the stream after all groups have acknowledged them, as `90s`, `5m` or
    /// `1h`. Lower: less memory. Higher: a group that is created anew gets more of the past
    #[arg(long, env, value_name = "TIME", default_value = "5m", value_parser = duration)]
    stream_retention: Duration,
    #[command(flatten)]
    retention: RetentionSettings,
    #[command(flatten)]
    drain: DrainSettings,
}

impl ConsumerSettings {
    /// How long ending may take.
    pub const fn drain_timeout(&self) -> Duration {
        self.drain.timeout()
    }

    /// The consumer's name: as set, else the host's.
    pub fn consumer_name(&self) -> String {
        let name = self.consumer_name.as_ref().or(self.hostname.as_ref()).cloned();
        name.unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned())
    }

    /// The pipeline's configuration.
    pub fn pipeline(&self, redis: &RedisSettings) -> anyhow::Result<PipelineConfig> {
        self.check_relations()?;
        Ok(PipelineConfig {
            keys: redis.keys(),
            consumer: self.consumer_name(),
            batch_size: self.batch_size,
            max_in_flight: self.max_in_flight,
            read_block: self.read_block_ms,
            claim_min_idle: self.claim_min_idle_ms,
            max_processing_failures: NonZeroU32::try_from(self.max_deliveries)?,
            stream_retention: self.stream_retention,
            readings_retention: self.retention.age(),
            processing_delay: self.processing_delay_ms,
            progress_timeout: Duration::from_mins(2),
            drain_timeout: self.drain_timeout(),
        })
    }
}
