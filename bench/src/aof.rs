//! The persistence modes of Redis that are compared.

use clap::ValueEnum;

/// Redis' append-only file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Aof {
    /// Memory only: shows the cost of our code and Redis' commands
    Off,
    /// Written immediately, flushed every second: as in `up`
    Everysec,
}
