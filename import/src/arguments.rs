//! What an import is told on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::client::service_url::ServiceUrl;
use crate::input::format::FormatChoice;

/// Rows under way at once unless told otherwise.
pub const DEFAULT_CONCURRENCY: u16 = 64;

/// How long a row is tried again unless told otherwise.
pub const DEFAULT_RETRY_FOR: Duration = Duration::from_mins(1);

/// What is said below the options.
const AFTER_HELP: &str = "\
Each row is sent with an Idempotency-Key made of its site, device, power and time and of how many equal \
rows are before it. So importing a file again, or one that has grown or overlaps it, adds only what is \
new, for as long as the service knows the keys: IDEMPOTENCY_TTL, 24 hours unless set otherwise.

The summary tells rows apart: accepted (of which replayed: they were there already), rejected (no \
readings), failed (not taken), unknown (perhaps taken; sending them again is safe).

Exit codes: 0 every row was accepted; 1 the import ended early, or rows failed or are unknown: send it \
again; 2 a wrong option; 3 all was sent, but rows were rejected; 4 there were no rows; 130 after Ctrl-C.";

/// Where the readings are, and where they go.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ImportArguments {
    /// The file: NDJSON (one reading a line, as POST /readings takes it) or CSV with the columns
    /// `site_id`, `device_id`, `power_reading` and `timestamp`, plain or gzip. `-` is standard input.
    /// In CSV the time 24:00 is 00:00 of the next day
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Base URL of the Ingestion API, or of the web page with `/api`; `/readings` is appended
    #[arg(long, value_name = "URL")]
    #[arg(default_value = ServiceUrl::STANDARD, value_parser = ServiceUrl::parse)]
    pub(crate) url: ServiceUrl,
    /// How many rows are under way at once, 1 to 1024. Lower: slower. Higher: more connections, and
    /// the order of sending is further from the file's
    #[arg(long, value_name = "ROWS", default_value_t = DEFAULT_CONCURRENCY)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,
    /// How long a row is tried again while the service cannot be reached, or it or a gateway answers
    /// 429, 500, 502, 503, 504 or the like, in seconds, 0 to 86400; 0: not at all. `Retry-After` is
    /// waited for within that time. If no other row is answered either, the import ends there
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) retry_for: Duration,
    /// Line of the file (from 1) to begin with, such as an earlier import names at its end; rows
    /// before it are read, but not sent
    #[arg(long, value_name = "LINE", default_value = "1")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) from_line: u64,
    /// Send rows without `Idempotency-Key`: each is added, also if it is there already. It takes less
    /// of the service's memory; a row whose outcome is unknown is then not sent again
    #[arg(long)]
    pub(crate) no_idempotency_keys: bool,
    /// File for the rows that were not accepted, one JSON object a line with `line`, `row`, `outcome`
    /// and `reasons`; replaced if it exists, from `--from-line` on. If unset, the first 10 are shown on
    /// standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Format of the file; `auto` goes by its name, else by its first character
    #[arg(long, value_enum, default_value_t = FormatChoice::Auto)]
    pub(crate) format: FormatChoice,
}

fn seconds(text: &str) -> Result<Duration, String> {
    const MAX: u64 = 86_400;
    let number = text.parse().ok().filter(|number| *number <= MAX);
    number.map(Duration::from_secs).ok_or_else(|| format!("must be a whole number from 0 to {MAX}"))
}
