//! The commands and their arguments.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::redis_server::Store;

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
    /// How fast all readings of a site are given, compared with `redis-cli`
    Get(GetArguments),
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
    /// The release program. Given more than once, the runs of all take turns, and the figures of the
    /// first are compared with those of the others although the machine's mood changes
    #[arg(long, value_name = "PATH", default_value = "target/release/energy-pipeline")]
    pub program: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// How often each figure is taken; the tables show median, minimum and maximum
    #[arg(long, default_value = "5")]
    pub runs: NonZeroU32,
    /// How Redis writes to disk meanwhile. Given more than once, all modes take turns
    #[arg(long, value_name = "MODE", default_value = "off")]
    pub aof: Vec<Aof>,
    /// The server to store in: any that is started as `redis-server` is. Given more than once, all take
    /// turns
    #[arg(long, value_name = "PROGRAM", default_value = "redis-server")]
    pub redis_program: Vec<PathBuf>,
    /// How long each run may wait for the machine to have nothing else to do, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds::<0>)]
    pub patience: Duration,
}

impl RunArguments {
    /// The servers that take turns: each program in each mode.
    ///
    /// # Errors
    /// When there is no such program.
    pub async fn stores(&self) -> anyhow::Result<Vec<Store>> {
        let mut stores = Vec::new();
        for program in &self.redis_program {
            for &aof in &self.aof {
                stores.push(Store::new(program, aof).await?);
            }
        }
        Ok(stores)
    }
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
    /// Sites that the entries are of, in no order
    #[arg(long, default_value = "100")]
    pub sites: NonZeroU32,
    /// How unevenly the entries are spread over the sites: exponent of a Zipf distribution. With 1 the
    /// second site has half as many as the first, the third a third; with 0 all have as many
    #[arg(long, value_name = "EXPONENT", default_value = "0", value_parser = exponent)]
    pub skew: f64,
    #[command(flatten)]
    pub run: RunArguments,
}

#[derive(Debug, Args)]
pub struct DrainArguments {
    #[command(flatten)]
    pub load: DrainLoad,
    /// Processes that share the stream; CPU and memory are those of all together. Given more than once,
    /// the numbers take turns, and are compared with each other instead of with the plain loop
    #[arg(long, value_name = "COUNT", default_value = "1")]
    pub replicas: Vec<NonZeroU32>,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct GetArguments {
    /// Readings of the site that is asked for. Given more than once, one after the other
    #[arg(long, value_name = "COUNT", default_value = "200000")]
    pub readings: Vec<NonZeroU32>,
    #[command(flatten)]
    pub run: RunArguments,
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

/// Beyond 10 nearly all is of the first site anyway.
fn exponent(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=10.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 10".to_owned())
}

fn seconds<const MIN: u64>(text: &str) -> Result<Duration, String> {
    let number = text.parse().ok().filter(|number| (MIN..=600).contains(number));
    number
        .map(Duration::from_secs)
        .ok_or_else(|| format!("must be a whole number from {MIN} to 600"))
}
