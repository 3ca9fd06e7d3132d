//! What an import is told on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::format::FormatChoice;
use super::service_url::ServiceUrl;

/// Where the readings are, and where they go.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The file: NDJSON (one reading a line, as POST /readings takes it) or CSV with the columns
    /// `site_id`, `device_id`, `power_reading` and `timestamp`, plain or gzip. `-` is standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Base URL of the Ingestion API, or of the web page with `/api`; `/readings` is appended
    #[arg(long, env = "IMPORT_URL", value_name = "URL", hide_env_values = true)]
    #[arg(default_value = ServiceUrl::STANDARD, value_parser = ServiceUrl::parse)]
    pub(super) url: ServiceUrl,
    /// How many rows are under way at once, 1 to 1024. Lower: slower. Higher: more connections, and
    /// the order of sending is further from the file's
    #[arg(long, value_name = "ROWS", default_value = "64")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) concurrency: u16,
    /// How long a row is tried again while the service cannot be reached or answers 503, in seconds,
    /// 0 to 86400; 0: not at all. If no other row is answered either, the import ends there
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) retry_for: Duration,
    /// File for the rows that were not accepted, one JSON object a line with `line`, `row`, `outcome`
    /// and `reasons`; replaced if it exists. If unset, the first 10 are shown on standard error
    #[arg(long, value_name = "FILE")]
    pub(super) rejects: Option<PathBuf>,
    /// Format of the file; `auto` goes by its name, else by its first character
    #[arg(long, value_enum, default_value_t = FormatChoice::Auto)]
    pub(super) format: FormatChoice,
}

fn seconds(text: &str) -> Result<Duration, String> {
    const MAX: u64 = 86_400;
    let number = text.parse().ok().filter(|number| *number <= MAX);
    number.map(Duration::from_secs).ok_or_else(|| format!("must be a whole number from 0 to {MAX}"))
}
