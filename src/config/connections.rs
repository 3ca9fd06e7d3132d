//! How clients' connections are kept.

use std::num::NonZeroUsize;
use std::time::Duration;

use api::server::Limits;
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{debug, warn};

use super::parsers::{count, duration};

#[derive(Debug, Clone, Args)]
pub struct ConnectionSettings {
    /// Connections that clients may have open at the same time; above that idle ones are closed for new
    /// ones, and where all are busy only probes are answered. Lower: less memory. Higher: 50 kB of memory
    /// for each
    #[arg(long, env, value_name = "CONNECTIONS", default_value = "256", value_parser = count::<16, 1_000_000>)]
    max_connections: NonZeroUsize,
    /// How long a connection may be idle between two requests, as `620s`. Lower: clients connect again
    /// more often. Higher: idle connections are kept; above what a load balancer in front keeps them for,
    /// or it loses requests (Google's: 600 s)
    #[arg(long, env, value_name = "TIME", default_value = "620s", value_parser = idle_time)]
    keep_alive: Duration,
}

/// Files that are open beside clients' connections: to Redis, the program's own, the reserve for probes.
const OTHER_FILES: u64 = 128;

impl ConnectionSettings {
    /// What the settings ask for, as far as the process may have so many files open.
    pub fn limits(&self) -> Limits {
        let wanted = self.max_connections.get();
        let connections = affordable(wanted, open_files());
        if connections < wanted {
            warn!(connections, "MAX_CONNECTIONS is above what the limit of open files allows");
        }
        Limits { connections, keep_alive: self.keep_alive }
    }
}

/// Files that may be open, once the soft limit is raised to the hard one.
fn open_files() -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        Err(error) => {
            debug!(%error, "the limit of open files cannot be raised");
            limits.current
        }
    };
    files.unwrap_or(u64::MAX) // None: there is no limit
}

fn affordable(connections: usize, files: u64) -> usize {
    let files = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    connections.min(files.max(1))
}

fn idle_time(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_hours(24);
    let time = duration(text)?;
    if range.contains(&time) { Ok(time) } else { Err("must be from 1s to 24h".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_rest_of_the_process() {
        assert_eq!(affordable(1_000, 1_024), 896);
        assert_eq!(affordable(1_000, 20_000), 1_000);
        assert_eq!(affordable(1_000, 10), 1);
    }
}
