//! The commands and their arguments.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use hyper::Uri;

use crate::aof::Aof;
use crate::redis_server::Store;

/// Measures the release program against a Redis of its own, on this machine's loopback.
///
/// The measured program inherits the environment, so that a setting can be tried:
/// `MAX_IN_FLIGHT=4000 bench drain`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// A Markdown file to write the figures to, beside those of other scenarios and machines; those of
    /// the same scenario on the same machine are replaced
    #[arg(long, global = true, value_name = "PATH")]
    pub record: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// All scenarios, one after the other, in one table
    All(AllArguments),
    #[command(flatten)]
    Scenario(Scenario),
    /// (what `drain` compares with) Store a stream in a plain loop
    #[command(hide = true)]
    PlainLoop(PlainArguments),
    /// (what `ingest` compares with) Take readings with a server that does nothing else
    #[command(hide = true)]
    PlainServer(PlainArguments),
}

#[derive(Debug, Subcommand)]
pub enum Scenario {
    /// How fast `processing-service` stores a stream that is full already
    Drain(DrainArguments),
    /// The same stream, stored by a plain loop only
    Baseline(DrainLoad),
    /// How fast `ingestion-api` takes readings, compared with a plain server and redis-benchmark
    Ingest(IngestArguments),
    /// How soon an accepted reading can be read
    Readable(ReadableArguments),
    /// How fast all readings of a site are given, compared with redis-cli
    Get(GetArguments),
    /// How much memory a site at work takes
    LiveSites(LiveSitesArguments),
    /// How soon the services are ready, and how large they are then
    Startup(StartupArguments),
    /// Load any running implementation of the contract, by its URL
    Load(LoadArguments),
}

/// What is measured.
#[derive(Debug, Args)]
pub struct Programs {
    /// The release program. Given more than once, the runs of all take turns, and the figures of the
    /// first are compared with those of the others although the machine's mood changes
    #[arg(long, value_name = "PATH", default_value = "target/release/energy-pipeline")]
    pub program: Vec<PathBuf>,
    /// Another implementation of the contract, as a shell command that runs in the foreground. In it
    /// `{role}` becomes ingestion-api or processing-service, `{port}` the port to listen on,
    /// `{redis_port}` that of Redis on 127.0.0.1, `{consumer}` the consumer's name; the contract's
    /// environment is set as well
    #[arg(long, value_name = "COMMAND")]
    pub original: Option<String>,
}

/// How often, and when.
#[derive(Debug, Args)]
pub struct Repeat {
    /// How often each figure is taken; the tables show median, minimum and maximum
    #[arg(long, default_value = "5")]
    pub runs: NonZeroU32,
    /// How long each run may wait for the machine to have nothing else to do, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds::<0>)]
    pub patience: Duration,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub repeat: Repeat,
    /// How Redis writes to disk meanwhile. Given more than once, all modes take turns
    #[arg(long, value_name = "MODE", default_value = "off")]
    pub aof: Vec<Aof>,
    /// The server to store in: any that is started as `redis-server` is. Given more than once, all take
    /// turns
    #[arg(long, value_name = "PROGRAM", default_value = "redis-server")]
    pub redis_program: Vec<PathBuf>,
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

/// What is sent, and how.
#[derive(Debug, Args)]
pub struct GeneratorArguments {
    /// Connections, each with one request at a time
    #[arg(long, default_value = "64")]
    pub connections: NonZeroU32,
    /// Threads that they are spread over: more only where cores are free
    #[arg(long, default_value = "1")]
    pub threads: NonZeroU32,
    /// Requests a second, sent whether or not earlier ones have been answered (open loop); latencies count from
    /// when each was due. Without it each connection sends as soon as it has its answer (closed loop)
    #[arg(long, value_name = "REQUESTS")]
    pub rate: Option<NonZeroU32>,
    /// How long each run measures, after a short warm-up
    #[arg(long, default_value = "5", value_parser = seconds::<1>)]
    pub seconds: Duration,
    /// Readings in a request to `POST /readings/batch`; without it each is sent alone
    #[arg(long, value_name = "READINGS", value_parser = batch)]
    pub batch: Option<NonZeroU32>,
}

#[derive(Debug, Args)]
pub struct IngestArguments {
    #[command(flatten)]
    pub generator: GeneratorArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct ReadableArguments {
    #[command(flatten)]
    pub generator: GeneratorArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct LoadArguments {
    /// The server, such as <http://localhost:8000>. Given more than once, all take turns
    #[arg(long, required = true)]
    pub url: Vec<Uri>,
    /// The server's process, if it runs on this machine: its processor time is told, too
    #[arg(long)]
    pub pid: Option<u32>,
    #[command(flatten)]
    pub generator: GeneratorArguments,
    #[command(flatten)]
    pub repeat: Repeat,
}

#[derive(Debug, Args)]
pub struct LiveSitesArguments {
    /// Sites that send a reading each
    #[arg(long, default_value = "10000")]
    pub sites: NonZeroU32,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct AllArguments {
    /// Smaller loads and fewer runs: under two minutes on a machine that does nothing else
    #[arg(long)]
    pub quick: bool,
    /// How often each figure is taken [default: 5, with --quick 3]
    #[arg(long)]
    pub runs: Option<NonZeroU32>,
    /// How long each run may wait for the machine to have nothing else to do, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds::<0>)]
    pub patience: Duration,
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

/// 10,000 are the most that a request may have.
fn batch(text: &str) -> Result<NonZeroU32, String> {
    let number = text.parse().ok().filter(|number: &NonZeroU32| number.get() <= 10_000);
    number.ok_or_else(|| "must be a whole number from 1 to 10000".to_owned())
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

impl fmt::Display for GeneratorArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, threads, rate, seconds, batch } = self;
        write!(f, "{connections} connections")?;
        if threads.get() > 1 {
            write!(f, " of {threads} threads")?;
        }
        match rate {
            Some(rate) => write!(f, ", {rate} requests/s")?,
            None => f.write_str(", as fast as answered")?,
        }
        if let Some(batch) = batch {
            write!(f, ", batches of {batch}")?;
        }
        write!(f, ", {seconds:?}")
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_do_not_contradict_themselves() {
        Cli::command().debug_assert();
    }
}
