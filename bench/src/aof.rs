//! The persistence modes of Redis that are compared.

use clap::ValueEnum;

/// Redis' append-only file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Aof {
    /// Memory only: what our code and Redis' commands cost
    Off,
    /// Written at once, flushed every second: as `up` runs it
    Everysec,
}
