//! Replicas of the Redis server: whether queries read from them, and how many must have a write.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, ValueEnum};
use readings::store::{Keys, RedisServer, ReplicaWait};

use super::SettingError;
use super::parsers::{milliseconds, replicas};

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "the flags are named after them")]
pub struct ReplicaSettings {
    /// Where the queries of stored readings read: `primary`, or `replica`, a healthy replica that Sentinels name, of a Redis
    /// Cluster one of each shard, and the primary without one. Everything else uses the primary. `replica`: responses may lack the last readings,
    /// the header `Replica-Lag` says by how much
    #[arg(long, env, value_name = "SERVER", default_value = "primary", ignore_case = true)]
    redis_read_from: ReadFrom,
    /// Number of replicas that must have a reading before it is confirmed (`WAIT`): by the Ingestion API and the MQTT
    /// bridge before they accept it, by the processing service before it acknowledges the entry. 0: none, so that a
    /// failover loses what was not replicated yet. Higher: a failover loses less, each confirmation takes longer, and
    /// nothing is accepted without them
    #[arg(long, env, value_name = "COUNT", default_value = "0", value_parser = replicas)]
    redis_wait_replicas: u32,
    /// How long replicas may take to have it, in milliseconds or as `1s`. Lower: a slow replica causes 503s. Higher: the
    /// connection serves nothing else that long while a replica hangs
    #[arg(long, env, value_name = "MS", default_value = "500", value_parser = milliseconds::<1, 2_000>)]
    redis_wait_timeout_ms: Duration,
}

/// A server that is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReadFrom {
    Primary,
    Replica,
}

impl ReplicaSettings {
    /// Whether queries read from a replica.
    pub(super) fn are_read(&self) -> bool {
        self.redis_read_from == ReadFrom::Replica
    }

    /// Checks that the replicas of this server are known, where they are read from.
    ///
    /// # Errors
    /// Names the setting.
    pub(super) fn check(&self, server: &RedisServer) -> Result<(), SettingError> {
        if self.are_read() && server.replicas().is_none() {
            let rule = "replica needs a REDIS_URL of Sentinels or of a Redis Cluster (redis+sentinel://, redis+cluster://, \
                        with TLS rediss+…), as these name the replicas";
            return Err(SettingError::new("REDIS_READ_FROM", rule));
        }
        Ok(())
    }

    /// What is waited for, if anything.
    pub(super) fn wait(&self, keys: &Keys) -> Option<ReplicaWait> {
        let replicas = NonZeroU32::new(self.redis_wait_replicas)?;
        Some(ReplicaWait {
            replicas,
            timeout: self.redis_wait_timeout_ms,
            mark: keys.replica_mark(),
        })
    }

    /// A setting that needs replicas.
    pub(super) fn needed_by(&self) -> Option<&'static str> {
        let settings = [
            ("REDIS_WAIT_REPLICAS", self.redis_wait_replicas > 0),
            ("REDIS_READ_FROM", self.are_read()),
        ];
        settings.into_iter().find(|(_, is_needed)| *is_needed).map(|(variable, _)| variable)
    }
}
