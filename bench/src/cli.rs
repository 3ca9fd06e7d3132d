//! The commands and their arguments.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures the release program against a Redis of its own, on this machine's loopback.
///
/// The measured program inherits the environment, so that a setting can be tried:
/// `MAX_IN_FLIGHT=4000 bench drain`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// How fast `processing-service` stores a stream that is full already
    Drain(DrainArguments),
    /// The same stream, stored by a plain loop only
    Baseline(DrainLoad),
    /// How fast `ingestion-api` takes single readings
    Ingest(IngestArguments),
    /// How soon the services are ready, and how large they are then
    Startup(StartupArguments),
    /// (what `drain` compares with) Store a stream in a plain loop
    #[command(hide = true)]
    PlainLoop(PlainArguments),
    /// (what `ingest` compares with) Take readings with a server that does nothing else
    #[command(hide = true)]
    PlainServer(PlainArguments),
}

/// What is measured.
#[derive(Debug, Args)]
pub struct Programs {
    /// The release program. Given more than once, the runs of all take turns, and the figures can be
    /// compared although the machine's mood changes
    #[arg(long, value_name = "PATH", default_value = "target/release/energy-pipeline")]
    pub program: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// How often each figure is taken; the tables show median, minimum and maximum
    #[arg(long, default_value = "5")]
    pub runs: NonZeroU32,
    /// How Redis writes to disk meanwhile
    #[arg(long, value_name = "MODE", default_value = "off")]
    pub aof: Aof,
    /// How long each run may wait for the machine to have nothing else to do, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds::<0>)]
    pub patience: Duration,
}

/// Redis' append-only file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Aof {
    /// Memory only: what our code and Redis' commands cost
    Off,
    /// Written at once, flushed every second: as `up` runs it
    Everysec,
}

#[derive(Debug, Args)]
pub struct DrainLoad {
    /// Entries in the stream
    #[arg(long, default_value = "300000")]
    pub entries: NonZeroU32,
    /// Sites that the entries are spread over evenly, in no order
    #[arg(long, default_value = "100")]
    pub sites: NonZeroU32,
    #[command(flatten)]
    pub run: RunArguments,
}

#[derive(Debug, Args)]
pub struct DrainArguments {
    #[command(flatten)]
    pub load: DrainLoad,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct IngestArguments {
    /// Connections, each with one request at a time
    #[arg(long, default_value = "64")]
    pub connections: NonZeroU32,
    /// How long each run measures, after a short warm-up
    #[arg(long, default_value = "5", value_parser = seconds::<1>)]
    pub seconds: Duration,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct StartupArguments {
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct PlainArguments {
    /// Port of the Redis server on this machine
    #[arg(long)]
    pub redis_port: u16,
}

fn seconds<const MIN: u64>(text: &str) -> Result<Duration, String> {
    let number = text.parse().ok().filter(|number| (MIN..=600).contains(number));
    number
        .map(Duration::from_secs)
        .ok_or_else(|| format!("must be a whole number from {MIN} to 600"))
}
