//! The persistence modes of Redis that are compared.

use std::fmt;

use clap::ValueEnum;

/// Redis' append-only file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Aof {
    /// Memory only: shows the cost of our code and Redis' commands
    Off,
    /// Written immediately, flushed every second: as in `up`
    Everysec,
    /// Flushed before each reply: what is acknowledged is on disk
    Always,
}

impl Aof {
    /// The values of `appendonly` and `appendfsync`.
    pub const fn settings(self) -> (&'static str, &'static str) {
        match self {
            Self::Off => ("no", "no"),
            Self::Everysec => ("yes", "everysec"),
            Self::Always => ("yes", "always"),
        }
    }
}

impl fmt::Display for Aof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "AOF off",
            Self::Everysec => "AOF everysec",
            Self::Always => "AOF always",
        })
    }
}
