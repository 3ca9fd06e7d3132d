//! The Redis server of commands that carry out one task and exit.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::{DataDir, RedisSettings};

/// Settings of a server, and the data directory in which the private server of a running `up` is found. For
/// `up` a server is configured by host or URL; for commands the port alone suffices, as it selects one of
/// several servers on this machine.
#[derive(Debug)]
pub struct CommandRedis {
    pub redis: RedisSettings,
    pub data: DataDir,
    /// Whether a server is configured.
    pub is_configured: bool,
}

/// The settings that configure a server.
const ADDRESS: [&str; 3] = ["redis_host", "redis_port", "redis_url"];

impl FromArgMatches for CommandRedis {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let is_set = |id: &&str| {
            let source = matches.value_source(id);
            source.is_some_and(|source| source != ValueSource::DefaultValue)
        };
        let is_configured = ADDRESS.iter().any(is_set);
        let redis = RedisSettings::from_arg_matches_mut(matches)?;
        Ok(Self { redis, data: DataDir::from_arg_matches_mut(matches)?, is_configured })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        Self::from_arg_matches(matches).map(|read| *self = read)
    }
}

impl Args for CommandRedis {
    fn augment_args(command: Command) -> Command {
        DataDir::augment_args(RedisSettings::augment_args(command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
