//! Every setting: a flag and an environment variable of the same name.
//!
//! The doc comment of a setting is its manual: `--help` prints it, and the settings table of the README is
//! generated from it. No other module of the program reads the environment. One file per topic; [`roles`]
//! and [`commands`] combine the topics.

mod access;
mod archive;
mod command_line;
mod command_redis;
mod commands;
mod connections;
mod constraints;
mod consumer;
mod data_dir;
mod declared;
mod drain;
mod empty_values;
mod error;
mod event_streams;
mod host;
mod http;
mod import_key;
mod instance;
mod keys;
mod limits;
mod line_protocol;
mod list;
mod listen;
mod log;
mod mqtt;
mod origins;
mod packing;
mod parse_error;
mod parsers;
mod password;
mod power;
mod private_redis;
mod rate_limits;
mod redis;
mod remote_write;
mod renamed;
mod replicas;
mod retention;
mod roles;
mod sentinel;
mod telemetry;
mod tls;

use clap::{Parser, Subcommand};
use import::ImportArguments;

pub use self::access::AccessSettings;
pub use self::archive::{ArchiveSettings, ArchivingSettings};
pub use self::command_redis::CommandRedis;
pub use self::commands::{
    ArchiveAction, ArchiveArguments, BuildRollupsArguments, DeadLetterSelection, DeadLettersAction,
    DeadLettersArguments, DocumentedRole, HealthcheckArguments, OpenapiArguments, PackArguments,
    ReconcileArguments, ReindexArguments, RestoreArguments, RollupsAction, RollupsArguments,
    RunArchiverArguments, StatusArguments, UnpackArguments, VerifyArguments,
};
pub use self::connections::ConnectionSettings;
pub use self::consumer::ConsumerSettings;
pub use self::data_dir::DataDir;
pub use self::drain::DrainSettings;
pub use self::error::SettingError;
pub use self::event_streams::EventStreamSettings;
pub use self::host::Host;
pub use self::http::HttpSettings;
pub use self::import_key::import_api_key;
pub use self::instance::Instance;
pub use self::keys::{KeysAction, KeysArguments, NewKey};
pub use self::limits::IngestionLimitSettings;
pub use self::line_protocol::LineProtocolSettings;
pub use self::listen::{
    IngestionPort, IngestionThreads, ListenHost, MetricsPort, PortSetting, ProcessingPort,
};
pub use self::log::{LogFormat, LogSettings};
pub use self::mqtt::MqttSettings;
pub use self::origins::OriginSettings;
pub use self::packing::PackingSettings;
pub use self::power::PowerSettings;
pub use self::private_redis::PrivateRedis;
pub use self::rate_limits::RateLimitSettings;
pub use self::redis::RedisSettings;
pub use self::remote_write::RemoteWriteSettings;
pub use self::retention::RetentionSettings;
pub use self::roles::{
    IngestionSettings, MonitoringSettings, MqttBridgeSettings, ObservabilitySettings,
    ProcessingSettings, QuerySettings, UpSettings,
};
pub use self::telemetry::{OtlpProtocol, TelemetrySettings};
pub use self::tls::TlsSettings;

/// Accepts energy-meter readings over HTTP, never loses one, and serves them back per site.
///
/// Without a command it runs `up`: everything in one process on this machine.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_conflicts_with_subcommands = true)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: UpSettings,
}

/// The exit codes of all commands, printed below their list.
const EXIT_CODES: &str = "Exit codes: 0 success, or stopped by a signal; 1 failure, the reason is on standard error; \
                          2 invalid setting or argument; 130 stopped by a second signal, with `import` by the \
                          first.";

impl Cli {
    /// The command (`up` by default), and warnings about deprecated names and exposed passwords. Exits with a
    /// message when a value is invalid.
    pub fn from_process() -> (Command, Vec<String>) {
        let (cli, warnings) = command_line::read::<Self>();
        (cli.command.unwrap_or(Command::Up(cli.up.into())), warnings)
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process on this machine, with a private Redis if no server is configured
    Up(Box<UpSettings>),
    /// Accept readings over HTTP and append them to the stream
    IngestionApi(IngestionSettings),
    /// Store the readings of the stream, and serve them over HTTP
    ProcessingService(ProcessingSettings),
    /// Serve stored readings over HTTP, without consuming the stream
    QueryApi(QuerySettings),
    /// Subscribe to an MQTT broker, and append the readings of its messages to the stream
    MqttBridge(MqttBridgeSettings),
    /// Send the readings of a file to an Ingestion API
    // The crate `import` knows no environment, like every crate but this.
    #[command(mut_arg("url", |url| url.env("IMPORT_URL").hide_env_values(true)))]
    #[command(mut_arg("api_key_file", |file| file.env("IMPORT_API_KEY_FILE")))]
    Import(ImportArguments),
    /// Print the OpenAPI document of a service
    Openapi(OpenapiArguments),
    /// List, retry or delete dead letters: entries that cannot be processed
    DeadLetters(DeadLettersArguments),
    /// Create, list or revoke API keys
    Keys(KeysArguments),
    /// Find orphaned entries, and with --repair make them pending again
    ///
    /// An entry is orphaned when it was delivered, and is neither pending nor stored nor a dead letter:
    /// Redis never delivers it again. `XGROUP DELCONSUMER` on a consumer with pending entries orphans
    /// them. Prints the ids of orphaned entries; the exit code is 0 when there are none, or all are
    /// pending again
    Reconcile(ReconcileArguments),
    /// Add sites to the index of sites whose readings only another program stored
    ///
    /// Lists of sites (`GET /sites`, the page) are read from an index, to which the services add a site when they store
    /// a reading of it. This command scans all keys of Redis and adds the sites that it finds. It may be run at any
    /// time, while services run, and again: what is in the index stays. The exit code is 0 when all keys were scanned;
    /// after a failure run it again
    Reindex(ReindexArguments),
    /// Move packed days into the archive (`ARCHIVE_URL`), verify it, or restore days from it
    Archive(ArchiveArguments),
    /// Compute rollups of stored readings before questions about energy need them
    Rollups(RollupsArguments),
    /// Pack closed days of sites: the readings of a day become one compressed value
    ///
    /// As the Processing Service does with `PACK_AFTER`, at once and for all days that have ended, apart from the last day
    /// of each site. It may be interrupted and run again, at any time, beside services. Sites are those of the index, unless
    /// they are named. The original Python services do not see packed readings; `unpack` restores them
    Pack(PackArguments),
    /// Restore packed and archived days, byte for byte as they were stored
    ///
    /// It needs the memory that packing has saved: some 290 bytes a reading. Services with `PACK_AFTER` pack the days again:
    /// unset it there before. Archived days need `ARCHIVE_URL`. It may be interrupted and run again, at any time, beside
    /// services. Sites are those of the index, unless they are named
    Unpack(UnpackArguments),
    /// Check whether the services on this machine are ready; exit code 0 when they are
    Healthcheck(HealthcheckArguments),
}

/// The name by which the program was called, for commands that are printed to be copied.
pub fn program() -> String {
    let name = std::env::args_os().next().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned())
}

#[cfg(test)]
mod tests;
