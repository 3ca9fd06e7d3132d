//! Limits of client connections.

use std::num::NonZeroUsize;
use std::time::Duration;

use api::server::Limits;
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{debug, warn};

use super::parsers::{count, duration};

#[derive(Debug, Clone, Args)]
pub struct ConnectionSettings {
    /// Maximum number of open client connections. At the limit, idle connections are closed for new ones;
    /// when all are busy, only probes are served. Lower: less memory. Higher: 50 kB of memory for each
    #[arg(long, env, value_name = "CONNECTIONS", default_value = "256", value_parser = count::<16, 1_000_000>)]
    max_connections: NonZeroUsize,
    /// How long a connection may be idle between two requests, as `620s`. Lower: clients reconnect more
    /// often. Higher: idle connections use memory. Must exceed the idle timeout of a load balancer in front
    /// (Google's: 600 s), or requests are lost
    #[arg(long, env, value_name = "TIME", default_value = "620s", value_parser = keep_alive)]
    keep_alive: Duration,
}

/// File descriptors besides those of clients: connections to Redis, files, the reserve for probes. Too low:
/// the process runs out of them under load. Too high: fewer clients are accepted than possible.
const OTHER_FILES: u64 = 128;

/// Connections to `METRICS_PORT`. Too low: a probe waits for a scrape. Too high: more memory.
const MONITORING_CONNECTIONS: usize = 16;

impl ConnectionSettings {
    /// The limits of `METRICS_PORT`.
    pub const fn monitoring_limits(&self) -> Limits {
        Limits { connections: MONITORING_CONNECTIONS, keep_alive: self.keep_alive }
    }

    /// The maximum number of connections, whatever the limit of open files is.
    pub const fn maximum(&self) -> usize {
        self.max_connections.get()
    }

    /// The limits, capped by the number of files that the process may open.
    pub fn limits(&self) -> Limits {
        let wanted = self.max_connections.get();
        let connections = capped_by_open_files(wanted, open_files());
        if connections < wanted {
            warn!(connections, "MAX_CONNECTIONS is above what the limit of open files allows");
        }
        Limits { connections, keep_alive: self.keep_alive }
    }
}

/// Raises the soft limit of open files to the hard limit, and returns it.
fn open_files() -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        Err(error) => {
            debug!(%error, "cannot raise the limit of open files");
            limits.current
        }
    };
    files.unwrap_or(u64::MAX) // None is unlimited
}

fn capped_by_open_files(connections: usize, files: u64) -> usize {
    let files = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    connections.min(files.max(1))
}

fn keep_alive(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_hours(24);
    let time = duration(text)?;
    if range.contains(&time) { Ok(time) } else { Err("must be from 1s to 24h".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_file_descriptors_to_the_rest_of_the_process() {
        assert_eq!(capped_by_open_files(1_000, 1_024), 896);
        assert_eq!(capped_by_open_files(1_000, 20_000), 1_000);
        assert_eq!(capped_by_open_files(1_000, 10), 1);
    }
}
