//! Every setting: a flag and an environment variable of the same name.
//!
//! The doc comment of a setting is its manual: `--help` prints it, and the README's table is made of
//! it. Only this file reads the environment.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use actors::PipelineConfig;
use anyhow::Context;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueEnum};
use readings::store::{Keys, Password, RedisServer, Secrets};

use crate::import::ImportArguments;

/// Takes energy-meter readings over HTTP, never loses one, and serves them back per site.
///
/// Without a command it is `up`: everything in one process on this machine.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: UpSettings,
}

impl Cli {
    /// The command line and the environment; ends the process with a message when a value is bad.
    pub fn from_process() -> Self {
        Self::try_parse().unwrap_or_else(|error| name_variable(error).exit())
    }

    /// The command, `up` by default.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Up(self.up))
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything in one process on this machine, with a private Redis if none is named
    Up(UpSettings),
    /// Take readings over HTTP into the stream
    IngestionApi(IngestionSettings),
    /// Store the stream's readings, and serve them back over HTTP
    ProcessingService(ProcessingSettings),
    /// Serve stored readings over HTTP, without consuming the stream
    QueryApi(QuerySettings),
    /// Send the readings of a file to an Ingestion API
    Import(ImportArguments),
    /// Print the OpenAPI document of a service
    Openapi(OpenapiArguments),
    /// Look at entries that cannot become readings, and decide what becomes of them
    DeadLetters(DeadLettersArguments),
    /// Ask a service on this machine whether it is ready; exit code 0 when it is
    Healthcheck(HealthcheckArguments),
}

#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// Which logs are written: `info`, or by part, such as `warn,actors=debug`
    #[arg(long, env, value_name = "LEVELS", default_value = "info")]
    pub rust_log: String,
    /// How logs are written; `auto` is text on a terminal and JSON elsewhere
    #[arg(long, env, value_name = "FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

#[derive(Debug, Clone, Args)]
pub struct RedisSettings {
    /// Redis server; `localhost` if unset, with `up` a private server
    #[arg(long, env, value_name = "HOST")]
    redis_host: Option<String>,
    /// Port of the Redis server
    #[arg(long, env, value_name = "PORT", default_value = "6379", value_parser = port)]
    redis_port: u16,
    /// Overrides host and port: `redis://`, `rediss://` (TLS) or `redis+unix://`, with user,
    /// password and database; or `redis+sentinel://host[:port],…/master`
    #[arg(long, env, value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Password of the Redis server, instead of the one in the URL
    #[arg(long, env, value_name = "PASSWORD", hide_env_values = true)]
    redis_password: Option<String>,
    /// File with the password; read anew for each connection, so that it can be changed meanwhile
    #[arg(long, env, value_name = "FILE")]
    redis_password_file: Option<PathBuf>,
    /// PEM file of the authorities that may sign the server's TLS certificate; the system's if unset
    #[arg(long, env, value_name = "FILE")]
    redis_tls_ca_file: Option<PathBuf>,
    /// Stream that readings arrive in
    #[arg(long, env, value_name = "KEY", default_value = "energy_readings", value_parser = not_empty)]
    redis_stream: String,
    /// Consumer group of the processing services
    #[arg(long, env, value_name = "NAME", default_value = "processing_group", value_parser = not_empty)]
    consumer_group: String,
}

impl RedisSettings {
    /// Whether a server is named at all. A variable that is set to nothing counts as unset, as
    /// Compose files and charts set them so.
    pub fn names_a_server(&self) -> bool {
        given(self.redis_url.as_ref()).or(given(self.redis_host.as_ref())).is_some()
    }

    /// The server that is named, `localhost` by default.
    pub fn server(&self) -> anyhow::Result<RedisServer> {
        let server = if let Some(url) = given(self.redis_url.as_ref()) {
            // The URL may hold a password, so it is not shown.
            let rule = "REDIS_URL must be redis://, rediss://, redis+unix:// or redis+sentinel://…";
            RedisServer::from_url(url).context(rule)?
        } else {
            let host = given(self.redis_host.as_ref()).unwrap_or("localhost");
            RedisServer::at(host, self.redis_port)?
        };
        Ok(server.with_secrets(self.secrets()?))
    }

    fn secrets(&self) -> anyhow::Result<Secrets> {
        let password = given(self.redis_password.as_ref()).map(str::to_owned);
        let password = match (password, given_path(self.redis_password_file.as_ref())) {
            (None, None) => Password::OfUrl,
            (Some(password), None) => Password::Given(password),
            (None, Some(file)) => Password::InFile(readable("REDIS_PASSWORD_FILE", file)?),
            (Some(_), Some(_)) => {
                anyhow::bail!("REDIS_PASSWORD and REDIS_PASSWORD_FILE must not both be set")
            }
        };
        let ca_file = given_path(self.redis_tls_ca_file.as_ref());
        let tls_ca_file = ca_file.map(|file| readable("REDIS_TLS_CA_FILE", file)).transpose()?;
        Ok(Secrets { password, tls_ca_file })
    }

    /// The names of stream and group.
    pub fn keys(&self) -> Keys {
        Keys::new(&self.redis_stream, &self.consumer_group)
    }
}

#[derive(Debug, Clone, Args)]
pub struct ConsumerSettings {
    /// This process' name in the consumer group; no two may share one. The host's name if unset
    #[arg(long, env, value_name = "NAME")]
    consumer_name: Option<String>,
    /// The host's name, as shells and Kubernetes set it
    #[arg(long, env, hide = true)]
    hostname: Option<String>,
    /// Artificial delay before each stored reading, in milliseconds, to try autoscaling
    #[arg(long, env, value_name = "MS", default_value = "0", value_parser = milliseconds::<0, 3_600_000>)]
    processing_delay_ms: Duration,
    /// Entries that one read asks for at most. Lower: more commands for the same readings. Higher:
    /// more memory, and Redis is busy longer at a time
    #[arg(long, env, value_name = "ENTRIES", default_value = "500", value_parser = count::<1, 100_000>)]
    batch_size: NonZeroUsize,
    /// Entries that may be delivered to this process and not yet acknowledged. Lower: Redis waits
    /// for us. Higher: more to take over when the process dies
    #[arg(long, env, value_name = "ENTRIES", default_value = "2000", value_parser = count::<1, 1_000_000>)]
    max_in_flight: NonZeroUsize,
    /// How long one read waits for new entries, in milliseconds
    #[arg(long, env, value_name = "MS", default_value = "2000", value_parser = milliseconds::<10, 60_000>)]
    read_block_ms: Duration,
    /// How long an entry must be pending before another process takes it over, in milliseconds.
    /// Lower: slow processes have their work done twice. Higher: what a dead one left waits longer
    #[arg(long, env, value_name = "MS", default_value = "30000", value_parser = milliseconds::<100, 3_600_000>)]
    claim_min_idle_ms: Duration,
    /// Failures of an entry's own (storing it panics) after which it becomes a dead letter. An outage
    /// of Redis never counts
    #[arg(long, env, value_name = "COUNT", default_value = "5", value_parser = count::<1, 1_000>)]
    max_deliveries: NonZeroUsize,
    /// How long entries stay in the stream after all groups have acknowledged them, as `90s`, `5m` or
    /// `1h`. Lower: less memory. Higher: a group that is created anew gets more of the past
    #[arg(long, env, value_name = "TIME", default_value = "5m", value_parser = duration)]
    stream_retention: Duration,
    /// How old stored readings may get by their timestamps, as `90d` or `2y`; `0` is for ever
    #[arg(long, env, value_name = "TIME", default_value = "0", value_parser = duration)]
    readings_retention: Duration,
    #[command(flatten)]
    drain: DrainSettings,
}

#[derive(Debug, Clone, Args)]
pub struct IntakeSettings {
    /// Entries that may wait to be processed; above that no readings are taken (503). `0` is no limit
    #[arg(long, env, value_name = "ENTRIES", default_value = "0", value_parser = entries)]
    max_backlog: u64,
    /// How long an `Idempotency-Key` is known at least, as `24h`. Lower: less memory (36 bytes a key).
    /// Higher: a client may send again after a longer time
    #[arg(long, env, value_name = "TIME", default_value = "24h", value_parser = duration)]
    idempotency_ttl: Duration,
}

/// The longest time that idempotency keys are kept for.
const LONGEST_TTL: Duration = Duration::from_hours(366 * 24);

impl IntakeSettings {
    /// Entries that may wait to be processed; `None` is no limit.
    pub const fn max_backlog(&self) -> Option<u64> {
        if self.max_backlog == 0 { None } else { Some(self.max_backlog) }
    }

    /// How long an idempotency key is known at least.
    pub fn idempotency_ttl(&self) -> anyhow::Result<Duration> {
        let ttl = self.idempotency_ttl;
        anyhow::ensure!(!ttl.is_zero(), "IDEMPOTENCY_TTL must be above 0");
        // Redis refuses times that it cannot add to its clock, and would do so after the entry is added.
        anyhow::ensure!(ttl <= LONGEST_TTL, "IDEMPOTENCY_TTL must be at most 366d");
        Ok(ttl)
    }
}

#[derive(Debug, Clone, Args)]
pub struct DrainSettings {
    /// How long ending may take, in milliseconds; below the grace period of the platform
    #[arg(long, env, value_name = "MS", default_value = "20000", value_parser = milliseconds::<0, 3_600_000>)]
    drain_timeout_ms: Duration,
}

impl DrainSettings {
    /// How long ending may take.
    pub const fn timeout(&self) -> Duration {
        self.drain_timeout_ms
    }
}

impl ConsumerSettings {
    /// How long ending may take.
    pub const fn drain_timeout(&self) -> Duration {
        self.drain.timeout()
    }

    /// The consumer's name: as set, else the host's.
    pub fn consumer_name(&self) -> String {
        given(self.consumer_name.as_ref()).or(given(self.hostname.as_ref())).map_or_else(
            || gethostname::gethostname().to_string_lossy().into_owned(),
            str::to_owned,
        )
    }

    /// Relations between settings that must hold, each with what would go wrong.
    fn check_relations(&self) -> anyhow::Result<()> {
        let (batch, window) = (self.batch_size, self.max_in_flight);
        anyhow::ensure!(
            batch <= window,
            "BATCH_SIZE must be at most MAX_IN_FLIGHT, but {batch} is more than {window}"
        );
        let (block, drain) = (self.read_block_ms, self.drain_timeout());
        anyhow::ensure!(
            block < drain || drain.is_zero(),
            "READ_BLOCK_MS must be below DRAIN_TIMEOUT_MS, or a read outlasts the drain, but \
             {block:?} is not below {drain:?}"
        );
        let (delay, idle) = (self.processing_delay_ms, self.claim_min_idle_ms);
        anyhow::ensure!(
            delay * 3 < idle,
            "3 × PROCESSING_DELAY_MS must be below CLAIM_MIN_IDLE_MS, or entries are taken over while \
             they are worked on, but 3 × {delay:?} is not below {idle:?}"
        );
        Ok(())
    }

    /// The pipeline's configuration.
    pub fn pipeline(&self, redis: &RedisSettings) -> anyhow::Result<PipelineConfig> {
        self.check_relations()?;
        Ok(PipelineConfig {
            keys: redis.keys(),
            consumer: self.consumer_name(),
            batch_size: self.batch_size,
            max_in_flight: self.max_in_flight,
            read_block: self.read_block_ms,
            claim_min_idle: self.claim_min_idle_ms,
            max_deliveries: NonZeroU32::try_from(self.max_deliveries)?,
            stream_retention: self.stream_retention,
            readings_retention: Some(self.readings_retention).filter(|age| !age.is_zero()),
            processing_delay: self.processing_delay_ms,
            drain_timeout: self.drain_timeout(),
        })
    }
}

#[derive(Debug, Clone, Args)]
pub struct IngestionPort {
    /// Port of the Ingestion API; 0 picks a free one
    #[arg(long, env, value_name = "PORT", default_value = "8000", value_parser = port)]
    pub ingestion_port: u16,
}

#[derive(Debug, Clone, Args)]
pub struct ProcessingPort {
    /// Port of the Processing Service; 0 picks a free one
    #[arg(long, env, value_name = "PORT", default_value = "8001", value_parser = port)]
    pub processing_port: u16,
}

#[derive(Debug, Clone, Args)]
pub struct ListenHost {
    /// Address to listen on; `0.0.0.0` if unset, with `up` only this machine (`127.0.0.1`)
    #[arg(long, env, value_name = "ADDRESS")]
    pub listen_host: Option<IpAddr>,
}

#[derive(Debug, Clone, Args)]
pub struct IngestionSettings {
    #[command(flatten)]
    pub log: LogSettings,
    #[command(flatten)]
    pub intake: IntakeSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub port: IngestionPort,
    #[command(flatten)]
    pub listen: ListenHost,
    #[command(flatten)]
    pub drain: DrainSettings,
}

#[derive(Debug, Clone, Args)]
pub struct ProcessingSettings {
    #[command(flatten)]
    pub log: LogSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub consumer: ConsumerSettings,
    #[command(flatten)]
    pub port: ProcessingPort,
    #[command(flatten)]
    pub listen: ListenHost,
}

#[derive(Debug, Clone, Args)]
pub struct QuerySettings {
    #[command(flatten)]
    pub log: LogSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub port: ProcessingPort,
    #[command(flatten)]
    pub listen: ListenHost,
    #[command(flatten)]
    pub drain: DrainSettings,
}

#[derive(Debug, Clone, Args)]
pub struct UpSettings {
    #[command(flatten)]
    pub log: LogSettings,
    #[command(flatten)]
    pub intake: IntakeSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub consumer: ConsumerSettings,
    #[command(flatten)]
    pub ingestion: IngestionPort,
    #[command(flatten)]
    pub processing: ProcessingPort,
    /// Port of the web page; 0 picks a free one
    #[arg(long, env, value_name = "PORT", default_value = "3000", value_parser = port)]
    pub frontend_port: u16,
    #[command(flatten)]
    pub listen: ListenHost,
    /// Where the private Redis keeps its data; in the user's data directory if unset
    #[arg(long, env, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

impl UpSettings {
    /// Where the private Redis keeps its data.
    pub fn data_dir(&self) -> anyhow::Result<PathBuf> {
        let chosen = self.data_dir.clone().filter(|path| !path.as_os_str().is_empty());
        let standard = || dirs::data_dir().map(|path| path.join("energy-pipeline"));
        chosen.or_else(standard).context("there is no home directory; name one with --data-dir")
    }
}

#[derive(Debug, Args)]
pub struct DeadLettersArguments {
    #[command(subcommand)]
    pub action: DeadLettersAction,
}

#[derive(Debug, Subcommand)]
pub enum DeadLettersAction {
    /// Print them, oldest first, each as one line of JSON
    List {
        #[command(flatten)]
        redis: RedisSettings,
    },
    /// Put their entries back into the stream
    Retry {
        #[command(flatten)]
        letters: LetterSelection,
        #[command(flatten)]
        redis: RedisSettings,
    },
    /// Delete them for good
    Delete {
        #[command(flatten)]
        letters: LetterSelection,
        #[command(flatten)]
        redis: RedisSettings,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct LetterSelection {
    /// Ids of letters, as `list` prints them
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// All that there are now
    #[arg(long)]
    pub all: bool,
}

/// A service with an OpenAPI document.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum DocumentedRole {
    IngestionApi,
    ProcessingService,
}

#[derive(Debug, Args)]
pub struct OpenapiArguments {
    /// The service
    pub role: DocumentedRole,
}

/// A role that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListeningRole {
    Up,
    IngestionApi,
    ProcessingService,
    QueryApi,
}

#[derive(Debug, Args)]
pub struct HealthcheckArguments {
    /// The role that runs here
    #[arg(default_value = "up")]
    pub role: ListeningRole,
    #[command(flatten)]
    pub ingestion: IngestionPort,
    #[command(flatten)]
    pub processing: ProcessingPort,
}

/// Clap names the flag only; a value that came from the environment is told with its variable.
fn name_variable(mut error: clap::Error) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let (flag, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
    let name = flag.trim_start_matches('-').split(' ').next().unwrap_or_default();
    let variable = name.replace('-', "_").to_uppercase();
    if !variable.is_empty() && std::env::var(&variable).is_ok_and(|set| set == value) {
        let tip = format!("the environment variable {variable} is set to '{value}'");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|text| !text.is_empty())
}

fn given_path(path: Option<&PathBuf>) -> Option<&PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty())
}

fn readable(variable: &str, file: &PathBuf) -> anyhow::Result<PathBuf> {
    let opened = std::fs::File::open(file);
    opened.with_context(|| {
        format!("{variable} must be a file that can be read: {}", file.display())
    })?;
    Ok(file.clone())
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn bounded(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}

fn port(text: &str) -> Result<u16, String> {
    let number = bounded(text, 0, u16::MAX.into())?;
    u16::try_from(number).map_err(|error| error.to_string())
}

fn milliseconds<const MIN: u64, const MAX: u64>(text: &str) -> Result<Duration, String> {
    bounded(text, MIN, MAX).map(Duration::from_millis)
}

fn entries(text: &str) -> Result<u64, String> {
    bounded(text, 0, u64::MAX)
}

fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text)
        .map_err(|_| "must be a time such as 90s, 5m, 24h or 30d".to_owned())
}

fn count<const MIN: u64, const MAX: u64>(text: &str) -> Result<NonZeroUsize, String> {
    let number = usize::try_from(bounded(text, MIN, MAX)?).ok().and_then(NonZeroUsize::new);
    number.ok_or_else(|| "must be above 0".to_owned())
}

#[cfg(test)]
mod tests;
