//! The arguments of the command `import`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::client::batch_response::MAX_BATCH_SIZE;
use crate::client::service_url::ServiceUrl;
use crate::client::tls_files::TlsFiles;
use crate::input::format::FormatChoice;
use crate::shape_arguments::ShapeArguments;

/// How long a row is retried by default.
pub const DEFAULT_RETRY_FOR: Duration = Duration::from_mins(1);

/// Printed below the options.
const AFTER_HELP: &str = "\
Each row is sent with an idempotency key, which is derived from its site, device, power and time and from the \
number of equal rows before it. So importing a file again, or one that has grown or overlaps it, adds only new \
readings, as long as the service keeps the keys: IDEMPOTENCY_TTL, 24 hours by default.

The summary counts rows as accepted (of these as replayed: accepted before), rejected (not valid readings), failed \
(not accepted) and unknown (perhaps accepted; sending them again is safe).

Exit codes: 0 all rows were accepted; 1 the import was aborted, or rows failed or are unknown: import the file \
again; 2 invalid option; 3 all rows were sent, and some rejected; 4 the file has no rows; 130 interrupted by Ctrl-C.";

/// The file, the service, and how to send.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ImportArguments {
    /// File to import: NDJSON (one reading a line, as POST /readings takes it) or CSV with the columns
    /// `site_id`, `device_id`, `power_reading` and `timestamp`, plain or gzip. `-` is standard input.
    /// In CSV the time 24:00 is 00:00 of the next day. With `--site` it may be an export of a meter, an inverter or a
    /// utility
    #[arg(value_name = "FILE", required_unless_present = "list_profiles")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shape: ShapeArguments,
    /// Base URL of the Ingestion API, or of the web page with `/api`; `/readings` is appended
    #[arg(long, value_name = "URL")]
    #[arg(default_value = ServiceUrl::DEFAULT, value_parser = ServiceUrl::parse)]
    pub(crate) url: ServiceUrl,
    /// File with the API key, if the service needs one: its scope must be `write`. If unset, the variable
    /// `IMPORT_API_KEY` has the key
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tls: TlsFiles,
    /// Number of rows in a request, 1 to 1000. Lower: slower; with 1 each row is a request of its own, and rows of a
    /// site may be sent in another order than the file's. Higher: more rows are retried together. A request that is too
    /// large for the service or a gateway (413) is divided
    #[arg(long, value_name = "ROWS", default_value_t = MAX_BATCH_SIZE)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_BATCH_SIZE)))]
    pub(crate) batch_size: u16,
    /// Number of requests in flight, 1 to 1024; if unset, 4, and 64 where each row is a request of its own. Lower: slower.
    /// Higher: more connections, and other clients of the service wait longer. Rows of a site are in one request after the
    /// other; without idempotency keys all rows are
    #[arg(long, value_name = "REQUESTS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: Option<u16>,
    /// How long a row is retried while the service cannot be reached, or it or a gateway responds 429, 500,
    /// 502, 503, 504 or similar, in seconds, 0 to 86400; 0 disables retries. `Retry-After` is respected
    /// within that time. If no other row succeeds in that time either, the import is aborted
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) retry_for: Duration,
    /// First line (from 1) to send, such as an aborted import prints; rows before it are read, but not
    /// sent
    #[arg(long, value_name = "LINE", default_value = "1")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) from_line: u64,
    /// Send rows without `Idempotency-Key`: every row is added, also if it was accepted before. Saves memory
    /// of Redis; rows of unknown outcome are not retried
    #[arg(long)]
    pub(crate) no_idempotency_keys: bool,
    /// File for rows that are not accepted, one JSON object a line with `line`, `row`, `outcome`, `reasons`
    /// and `request_id`; replaced if it exists, from `--from-line` on. If unset, the first 10 are printed
    /// to standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Format of the file; `auto` detects it by the name, else by the first character
    #[arg(long, value_enum, default_value_t = FormatChoice::Auto)]
    pub(crate) format: FormatChoice,
}

impl ImportArguments {
    /// Whether the profiles are to be printed, and nothing imported.
    #[must_use]
    pub const fn lists_profiles(&self) -> bool {
        self.shape.list_profiles
    }

    /// Whether nothing is sent.
    #[must_use]
    pub const fn is_dry_run(&self) -> bool {
        self.shape.dry_run
    }

    /// The file; standard input if it is not named.
    pub(crate) fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or_else(|| Path::new("-"))
    }

    /// The file with the API key.
    #[must_use]
    pub fn api_key_file(&self) -> Option<&Path> {
        self.api_key_file.as_deref()
    }

    /// Whether the URL has a user or a password, which are sent in the header that an API key is sent in.
    #[must_use]
    pub fn has_url_credentials(&self) -> bool {
        self.url.has_credentials()
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    const MAX: u64 = 86_400;
    let number = text.parse().ok().filter(|number| *number <= MAX);
    number.map(Duration::from_secs).ok_or_else(|| format!("must be a whole number from 0 to {MAX}"))
}
