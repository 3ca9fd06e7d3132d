//! Every setting: a flag and an environment variable of the same name.
//!
//! The doc comment of a setting is its manual: `--help` prints it, and the README's table is made of
//! it. Only these files read the environment. One file a topic; [`roles`] puts topics together.

mod command_line;
mod command_redis;
mod commands;
mod connections;
mod constraints;
mod consumer;
mod data_dir;
mod drain;
mod empty_values;
mod error;
mod host;
mod limits;
mod listen;
mod log;
mod parse_error;
mod parsers;
mod redis;
mod retention;
mod roles;
mod telemetry;

use clap::{Parser, Subcommand};
use import::ImportArguments;

pub use self::command_redis::ToolRedis;
pub use self::commands::{
    DeadLettersAction, DeadLettersArguments, DocumentedRole, HealthcheckArguments, LetterSelection,
    OpenapiArguments, ReconcileArguments,
};
pub use self::connections::ConnectionSettings;
pub use self::consumer::ConsumerSettings;
pub use self::data_dir::DataDir;
pub use self::drain::DrainSettings;
pub use self::error::SettingFault;
pub use self::host::Host;
pub use self::limits::IntakeSettings;
pub use self::listen::{IngestionPort, IngestionThreads, ListenHost, ProcessingPort};
pub use self::log::{LogFormat, LogSettings};
pub use self::redis::RedisSettings;
pub use self::retention::RetentionSettings;
pub use self::roles::{IngestionSettings, ProcessingSettings, QuerySettings, UpSettings};
pub use self::telemetry::{OtlpProtocol, TelemetrySettings};

/// Takes energy-meter readings over HTTP, never loses one, and serves them back per site.
///
/// Without a command it is `up`: everything in one process on this machine.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_conflicts_with_subcommands = true)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: UpSettings,
}

/// What the process ends with.
const EXIT_CODES: &str = "Exit codes: 0 ended as it was asked to; 1 failed, the reason is on standard error; \
                          2 a setting or argument cannot be used; 130 ended by a second signal, with \
                          `import` by the first.";

impl Cli {
    /// The command (`up` by default), and what is to be said about how it was given. Ends the process
    /// with a message when a value is bad.
    pub fn from_process() -> (Command, Vec<String>) {
        let (cli, remarks) = command_line::read();
        (cli.command.unwrap_or(Command::Up(cli.up)), remarks)
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
    // The crate `import` knows no environment, like every crate but this.
    #[command(mut_arg("url", |url| url.env("IMPORT_URL").hide_env_values(true)))]
    Import(ImportArguments),
    /// Print the OpenAPI document of a service
    Openapi(OpenapiArguments),
    /// Look at entries that cannot become readings, and decide what becomes of them
    DeadLetters(DeadLettersArguments),
    /// Account for every entry that was delivered, and restore those that nobody has
    ///
    /// For when somebody has deleted a consumer with entries pending (`XGROUP DELCONSUMER`): Redis
    /// delivers those to nobody any more. Prints the ids of what is neither pending nor stored nor a dead
    /// letter; exit code 0 when there is nothing, or everything is restored
    Reconcile(ReconcileArguments),
    /// Ask the services on this machine whether they are ready; exit code 0 when they are
    Healthcheck(HealthcheckArguments),
}

/// The program's name as it was called, to tell how to call it again.
pub fn program() -> String {
    let name = std::env::args_os().next().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned())
}

#[cfg(test)]
mod tests;
