//! The commands and their arguments.

mod parsers;
mod spread;

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use hyper::Uri;

use self::parsers::{batch, exponent, seconds};
pub use self::spread::LayoutArguments;
use crate::aof::Aof;
use crate::redis_server::Store;

/// Measures the release program against a Redis of its own, on this machine's loopback.
///
/// The measured program inherits the environment, so that a setting can be tried:
/// `MAX_IN_FLIGHT=4000 bench drain`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// Markdown file to write a summary to, and beside it the CSV file with all rows. Rows of the same
    /// scenario and machine are replaced, others kept
    #[arg(long, global = true, value_name = "PATH")]
    pub record: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// All scenarios in one table
    All(AllArguments),
    #[command(flatten)]
    Scenario(Scenario),
    /// (baseline of `drain`) Store a stream in a plain loop
    #[command(hide = true)]
    PlainLoop(PlainArguments),
    /// (baseline of `ingest`) Accept readings with a minimal server
    #[command(hide = true)]
    PlainServer(PlainArguments),
}

#[derive(Debug, Subcommand)]
pub enum Scenario {
    /// Throughput of `processing-service` on a stream that is already full
    Drain(DrainArguments),
    /// The same stream, stored by the plain loop alone
    Baseline(DrainLoad),
    /// Throughput and latency of `ingestion-api`, compared with a plain server and redis-benchmark
    Ingest(IngestArguments),
    /// Time until an accepted reading is readable
    #[command(alias = "readable")]
    EndToEnd(EndToEndArguments),
    /// Throughput of reading all readings of a site, compared with redis-cli
    Get(GetArguments),
    /// Energy by day of a year, from rollups and without them, compared with reading all readings
    Aggregates(AggregatesArguments),
    /// Memory of an active site
    LiveSites(LiveSitesArguments),
    /// Memory and time of many sites: storing, index, list, rollups
    Sites(SitesArguments),
    /// Throughput of `processing-service` while it packs days of other sites, compared with one that packs none
    DrainWhilePacking(DrainWhilePackingArguments),
    /// Memory and time of a reading in each tier: sorted set, packed day, archive
    Tiers(TiersArguments),
    /// Time until the services are ready, and their memory then
    Startup(StartupArguments),
    /// Load any running implementation of the contract by its URL
    Load(LoadArguments),
}

/// The measured programs.
#[derive(Debug, Args)]
pub struct Programs {
    /// Release program. If repeated, the runs of all are interleaved, so that changes of the machine's
    /// speed affect all alike, and the first is compared with the others
    #[arg(long, value_name = "PATH", default_value = "target/release/energy-pipeline")]
    pub program: Vec<PathBuf>,
    /// Another implementation of the contract, as a shell command that runs in the foreground. `{role}`
    /// is replaced by ingestion-api or processing-service, `{port}` by the port to listen on,
    /// `{redis_port}` by that of Redis on 127.0.0.1, `{consumer}` by the consumer's name; the contract's
    /// environment variables are set as well
    #[arg(long, value_name = "COMMAND")]
    pub original: Option<String>,
}

/// Number and conditions of runs.
#[derive(Debug, Args)]
pub struct Repeat {
    /// Number of runs; tables show median, minimum and maximum
    #[arg(long, default_value = "5")]
    pub runs: NonZeroU32,
    /// How long each run may wait for the machine to be idle, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds::<0>)]
    pub patience: Duration,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub repeat: Repeat,
    /// Persistence of Redis. If repeated, the modes are interleaved
    #[arg(long, value_name = "MODE", default_value = "off")]
    pub aof: Vec<Aof>,
    /// Server program with the command line of `redis-server`. If repeated, the servers are interleaved
    #[arg(long, value_name = "PROGRAM", default_value = "redis-server")]
    pub redis_program: Vec<PathBuf>,
}

impl RunArguments {
    /// The servers to interleave: each program in each mode.
    ///
    /// # Errors
    /// When a program is missing.
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
    /// Sites of the entries, in random order
    #[arg(long, default_value = "100")]
    pub sites: NonZeroU32,
    /// Skew of the entries over the sites: exponent of a Zipf distribution. With 1 the second site has
    /// half as many entries as the first, the third a third; with 0 all have equally many
    #[arg(long, value_name = "EXPONENT", default_value = "0", value_parser = exponent)]
    pub skew: f64,
    #[command(flatten)]
    pub run: RunArguments,
}

#[derive(Debug, Args)]
pub struct DrainArguments {
    #[command(flatten)]
    pub load: DrainLoad,
    /// Processes that share the stream; CPU and memory are their sums. If repeated, the numbers are
    /// interleaved, and compared with each other instead of the plain loop
    #[arg(long, value_name = "COUNT", default_value = "1")]
    pub replicas: Vec<NonZeroU32>,
    #[command(flatten)]
    pub layout: LayoutArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct SitesArguments {
    /// Sites, each with one reading
    #[arg(long, default_value = "1000000")]
    pub sites: NonZeroU32,
    #[command(flatten)]
    pub layout: LayoutArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct TiersArguments {
    /// Sites, each with one device
    #[arg(long, default_value = "20")]
    pub sites: NonZeroU32,
    /// Days of each that are packed; one more is never packed
    #[arg(long, default_value = "30")]
    pub days: NonZeroU32,
    /// Measure packed days alone
    #[arg(long)]
    pub without_archive: bool,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct DrainWhilePackingArguments {
    #[command(flatten)]
    pub load: DrainLoad,
    /// Sites with days to pack
    #[arg(long, default_value = "100")]
    pub packed_sites: NonZeroU32,
    /// Days to pack of each of them
    #[arg(long, default_value = "10")]
    pub packed_days: NonZeroU32,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct GetArguments {
    /// Readings of the site. If repeated, one scenario for each number
    #[arg(long, value_name = "COUNT", default_value = "200000")]
    pub readings: Vec<NonZeroU32>,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

/// The load of the generator.
#[derive(Debug, Args)]
pub struct GeneratorArguments {
    /// Connections, each with one request in flight
    #[arg(long, default_value = "64")]
    pub connections: NonZeroU32,
    /// Threads of the generator: more than 1 only if cores are free
    #[arg(long, default_value = "1")]
    pub threads: NonZeroU32,
    /// Requests a second, independent of responses (open loop); a latency starts when its request is due.
    /// If unset, each connection sends its next request after the response (closed loop)
    #[arg(long, value_name = "REQUESTS")]
    pub rate: Option<NonZeroU32>,
    /// Measured time of a run, after a short warm-up
    #[arg(long, default_value = "5", value_parser = seconds::<1>)]
    pub seconds: Duration,
    /// Readings in a request to `POST /readings/batch`; if unset, each reading is a request
    #[arg(long, value_name = "READINGS", value_parser = batch)]
    pub batch: Option<NonZeroU32>,
}

#[derive(Debug, Args)]
pub struct IngestArguments {
    /// Measure each program once more, with API keys required and sent
    #[arg(long)]
    pub api_key: bool,
    /// Measure each program once more, with the readings of a batch as line protocol
    #[arg(long, requires = "batch")]
    pub line_protocol: bool,
    #[command(flatten)]
    pub generator: GeneratorArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct EndToEndArguments {
    #[command(flatten)]
    pub generator: GeneratorArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct LoadArguments {
    /// Server, such as <http://localhost:8000>. If repeated, all are interleaved
    #[arg(long, required = true)]
    pub url: Vec<Uri>,
    /// Process id of a server on this machine, to measure its CPU time
    #[arg(long)]
    pub pid: Option<u32>,
    #[command(flatten)]
    pub generator: GeneratorArguments,
    #[command(flatten)]
    pub repeat: Repeat,
}

#[derive(Debug, Args)]
pub struct AggregatesArguments {
    /// Seconds between two readings of the device. If repeated, each is a scenario
    #[arg(long, default_values = ["3600", "60"])]
    pub seconds: Vec<NonZeroU32>,
    /// Questions of a run that are answered from rollups
    #[arg(long, default_value = "500")]
    pub questions: NonZeroU32,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct LiveSitesArguments {
    /// Sites that send one reading each
    #[arg(long, default_value = "10000")]
    pub sites: NonZeroU32,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub programs: Programs,
}

#[derive(Debug, Args)]
pub struct AllArguments {
    /// Smaller loads and fewer runs: under two minutes on an idle machine
    #[arg(long)]
    pub quick: bool,
    /// Number of runs [default: 5, with --quick 3]
    #[arg(long)]
    pub runs: Option<NonZeroU32>,
    /// How long each run may wait for the machine to be idle, in seconds
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
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
