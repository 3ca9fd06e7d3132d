//! The Redis of commands that do one thing and end.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::{DataDir, RedisSettings};

/// Settings of Redis, and where a running `up` would have a private one. `up` goes by host and URL; here
/// the port alone names a server, too, as it says which of several on this machine is meant.
#[derive(Debug)]
pub struct ToolRedis {
    pub redis: RedisSettings,
    pub data: DataDir,
    /// Whether a server is named at all.
    pub is_named: bool,
}

/// The settings that name a server.
const NAMING: [&str; 3] = ["redis_host", "redis_port", "redis_url"];

impl FromArgMatches for ToolRedis {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let is_given = |id: &&str| {
            let source = matches.value_source(id);
            source.is_some_and(|source| source != ValueSource::DefaultValue)
        };
        let is_named = NAMING.iter().any(is_given);
        let redis = RedisSettings::from_arg_matches_mut(matches)?;
        Ok(Self { redis, data: DataDir::from_arg_matches_mut(matches)?, is_named })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        Self::from_arg_matches(matches).map(|read| *self = read)
    }
}

impl Args for ToolRedis {
    fn augment_args(command: Command) -> Command {
        DataDir::augment_args(RedisSettings::augment_args(command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
