//! What a Redis server says of itself, and what of that endangers readings.

use std::fmt;

use redis::cmd;

use super::preflight::Examined;
use super::reply;
use super::shared::SharedConnection;
use crate::store::error::StoreResult;

/// The oldest server whose commands and replies are all known: it reports what was trimmed while
/// pending.
const OLDEST_MAJOR: u32 = 7;

/// A server by its own description (`INFO`).
#[derive(Debug, Clone, Default)]
pub struct ServerReport {
    maxmemory: u64,
    maxmemory_policy: String,
    append_only: bool,
    role: String,
    cluster: bool,
    version: String,
}

/// Something about a server that endangers readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Danger {
    /// It would throw readings away when its memory is full.
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// It forgets what it has in memory when it ends.
    NoAppendOnlyFile,
    /// It grows until the system kills it.
    NoMemoryLimit,
    /// It takes no writes.
    Replica,
    /// Its user may not do what is needed.
    Denies {
        /// The user.
        user: String,
        /// Commands, and keys that they were tried on.
        commands: Vec<String>,
    },
    /// The stream takes no more entries.
    Exhausted {
        /// The stream.
        stream: String,
    },
    /// It lacks commands or replies that we rely on.
    TooOld {
        /// Its version.
        version: String,
    },
}

impl Danger {
    /// Whether no reading should be trusted to the server: accepted ones would be lost silently, or not
    /// be stored.
    #[must_use]
    pub const fn forbids_readiness(&self) -> bool {
        matches!(self, Self::Evicts { .. } | Self::Denies { .. } | Self::Exhausted { .. })
    }
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicts { policy } => write!(
                f,
                "Redis has maxmemory-policy {policy}: it throws readings away when its memory is \
                 full. Set it to noeviction"
            ),
            Self::NoAppendOnlyFile => f.write_str(
                "Redis has no append-only file: a restart loses accepted readings. Set appendonly \
                 yes",
            ),
            Self::NoMemoryLimit => f.write_str(
                "Redis has no maxmemory: it grows until the system kills it. Set maxmemory",
            ),
            Self::Denies { user, commands } => write!(
                f,
                "Redis denies its user {user} what is needed: {}. Give the user the rights that \
                 docs/delivery-guarantees.md lists",
                commands.join(", ")
            ),
            Self::Exhausted { stream } => write!(
                f,
                "The stream {stream} takes no more entries: its last id is the largest there can be. \
                 When it is drained, rename it (RENAME); a new one is created"
            ),
            Self::Replica => f.write_str("Redis is a replica: it takes no readings"),
            Self::TooOld { version } => {
                write!(f, "Redis {version} is too old: version {OLDEST_MAJOR} or newer is needed")
            }
        }
    }
}

impl ServerReport {
    /// Reads it; `None` when it is none of Redis'.
    pub(super) fn parse(info: &str) -> Option<Self> {
        let mut report = Self::default();
        for (name, value) in info.lines().filter_map(|line| line.trim_end().split_once(':')) {
            match name {
                "maxmemory" => report.maxmemory = value.parse().unwrap_or_default(),
                "maxmemory_policy" => value.clone_into(&mut report.maxmemory_policy),
                "aof_enabled" => report.append_only = value == "1",
                "role" => value.clone_into(&mut report.role),
                "cluster_enabled" => report.cluster = value == "1",
                "redis_version" => value.clone_into(&mut report.version),
                _ => {}
            }
        }
        (!report.version.is_empty()).then_some(report)
    }

    /// Whether the server is a node of a Redis Cluster.
    pub(super) const fn is_a_cluster_node(&self) -> bool {
        self.cluster
    }

    /// All that endangers readings. `volatile-…` policies evict only what expires: the memory of
    /// idempotency keys, no readings.
    #[must_use]
    pub fn dangers(&self) -> Vec<Danger> {
        let major = self.version.split('.').next().and_then(|major| major.parse().ok());
        let dangers = [
            (
                self.maxmemory_policy.starts_with("allkeys-"),
                Danger::Evicts { policy: self.maxmemory_policy.clone() },
            ),
            (!self.append_only, Danger::NoAppendOnlyFile),
            (self.maxmemory == 0, Danger::NoMemoryLimit),
            (self.role == "slave", Danger::Replica),
            (
                major.is_some_and(|major: u32| major < OLDEST_MAJOR),
                Danger::TooOld { version: self.version.clone() },
            ),
        ];
        dangers.into_iter().filter_map(|(is_so, danger)| is_so.then_some(danger)).collect()
    }
}

impl Examined {
    /// What was found that endangers readings.
    #[must_use]
    pub fn dangers(&self) -> Vec<Danger> {
        let denies = self.denied().map(|(user, commands)| Danger::Denies {
            user: user.to_owned(),
            commands: commands.to_vec(),
        });
        let exhausted =
            self.exhausted().map(|stream| Danger::Exhausted { stream: stream.to_owned() });
        denies.into_iter().chain(exhausted).collect()
    }
}

impl SharedConnection {
    /// Asks the server to describe itself. Managed servers forbid `CONFIG GET`, but not `INFO`.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn server_report(&self) -> StoreResult<ServerReport> {
        const INFO: &str = "INFO";
        let reply = self.send(INFO, &cmd(INFO)).await?;
        let report = reply::text(reply).and_then(|info| ServerReport::parse(&info));
        report.ok_or_else(|| self.unexpected_reply(INFO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: &str = "# Server\r\nredis_version:7.0.15\r\nmaxmemory:1000000\r\n\
                        maxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\n";

    #[test]
    fn a_safe_server_has_no_dangers() {
        assert_eq!(ServerReport::parse(SAFE).unwrap().dangers(), []);
    }

    #[test]
    fn each_danger_is_found_and_only_eviction_forbids_readiness() {
        let with = |from, to| ServerReport::parse(&SAFE.replace(from, to)).unwrap().dangers();
        let evicts = with("noeviction", "allkeys-lru");
        assert_eq!(evicts, [Danger::Evicts { policy: "allkeys-lru".to_owned() }]);
        assert!(evicts[0].forbids_readiness());
        assert_eq!(with("noeviction", "volatile-lru"), []);
        assert_eq!(with("aof_enabled:1", "aof_enabled:0"), [Danger::NoAppendOnlyFile]);
        assert_eq!(with("maxmemory:1000000", "maxmemory:0"), [Danger::NoMemoryLimit]);
        assert_eq!(with("role:master", "role:slave"), [Danger::Replica]);
        assert_eq!(with("7.0.15", "6.2.1"), [Danger::TooOld { version: "6.2.1".to_owned() }]);
    }
}
