//! Settings and states of the Redis server that endanger readings.

use std::fmt;

use super::server_check::ServerCheck;
use super::server_info::ServerInfo;

/// Something about the server that endangers readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misconfiguration {
    /// It evicts readings when its memory is full.
    EvictionPolicy {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// A restart loses what it has in memory.
    NoAppendOnlyFile,
    /// It grows until the system kills it.
    NoMemoryLimit,
    /// It rejects writes.
    Replica,
    /// Its user lacks permissions.
    Denies {
        /// The user.
        user: String,
        /// Commands, with the keys that they were tried on.
        commands: Vec<String>,
    },
    /// The stream has run out of entry ids.
    Exhausted {
        /// The stream.
        stream: String,
    },
}

impl Misconfiguration {
    /// Whether the server must be given no readings: it would lose accepted ones without an error, or
    /// they could not be stored.
    #[must_use]
    pub const fn fails_readiness(&self) -> bool {
        matches!(self, Self::EvictionPolicy { .. } | Self::Denies { .. } | Self::Exhausted { .. })
    }
}

impl fmt::Display for Misconfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EvictionPolicy { policy } => write!(
                f,
                "Redis has maxmemory-policy {policy}: it evicts readings when its memory is full. Set \
                 it to noeviction"
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
                "Redis denies its user {user} commands that the service needs: {}. Grant the rights \
                 that docs/delivery-guarantees.md lists",
                commands.join(", ")
            ),
            Self::Exhausted { stream } => write!(
                f,
                "The stream {stream} accepts no more entries: its last id is the largest there can be. \
                 When it is drained, rename it (RENAME); a new one is created"
            ),
            Self::Replica => f.write_str("Redis is a replica: it accepts no writes"),
        }
    }
}

impl ServerInfo {
    /// Its misconfigurations. `volatile-…` policies evict only what expires: idempotency keys, and no
    /// readings.
    #[must_use]
    pub fn check(&self) -> Vec<Misconfiguration> {
        let checks = [
            (
                self.maxmemory_policy.starts_with("allkeys-"),
                Misconfiguration::EvictionPolicy { policy: self.maxmemory_policy.clone() },
            ),
            (!self.append_only, Misconfiguration::NoAppendOnlyFile),
            (self.maxmemory == 0, Misconfiguration::NoMemoryLimit),
            (self.role == "slave", Misconfiguration::Replica),
        ];
        let found = checks.into_iter().filter(|(is_so, _)| *is_so);
        found.map(|(_, misconfiguration)| misconfiguration).collect()
    }
}

impl ServerCheck {
    /// Its misconfigurations.
    #[must_use]
    pub fn misconfigurations(&self) -> Vec<Misconfiguration> {
        let denies = self.denied().map(|(user, commands)| Misconfiguration::Denies {
            user: user.to_owned(),
            commands: commands.to_vec(),
        });
        let exhausted = self
            .exhausted()
            .map(|stream| Misconfiguration::Exhausted { stream: stream.to_owned() });
        denies.into_iter().chain(exhausted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: &str = "# Server\r\nredis_version:7.0.15\r\nmaxmemory:1000000\r\n\
                        maxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\n";

    #[test]
    fn a_safe_server_has_no_misconfigurations() {
        assert_eq!(ServerInfo::parse(SAFE).unwrap().check(), []);
    }

    #[test]
    fn each_danger_is_found_and_only_eviction_fails_readiness() {
        let with = |from, to| ServerInfo::parse(&SAFE.replace(from, to)).unwrap().check();
        let evicts = with("noeviction", "allkeys-lru");
        assert_eq!(evicts, [Misconfiguration::EvictionPolicy { policy: "allkeys-lru".to_owned() }]);
        assert!(evicts[0].fails_readiness());
        assert_eq!(with("noeviction", "volatile-lru"), []);
        assert_eq!(with("aof_enabled:1", "aof_enabled:0"), [Misconfiguration::NoAppendOnlyFile]);
        assert_eq!(with("maxmemory:1000000", "maxmemory:0"), [Misconfiguration::NoMemoryLimit]);
        assert_eq!(with("role:master", "role:slave"), [Misconfiguration::Replica]);
    }
}
