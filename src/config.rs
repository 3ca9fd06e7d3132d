//! Every setting: a flag and an environment variable of the same name.
//!
//! The doc comment of a setting is its manual: `--help` prints it, and the README's table is made of
//! it. Only these files read the environment. One file a topic; [`roles`] puts topics together.

mod consumer;
mod drain;
mod intake;
mod listen;
mod log;
mod redis;
mod relations;
mod retention;
mod roles;
mod telemetry;
mod tools;
mod values;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};

pub use self::consumer::ConsumerSettings;
pub use self::drain::DrainSettings;
pub use self::intake::IntakeSettings;
pub use self::listen::{IngestionPort, IngestionThreads, ListenHost, ProcessingPort};
pub use self::log::{LogFormat, LogSettings};
pub use self::redis::RedisSettings;
pub use self::retention::RetentionSettings;
pub use self::roles::{IngestionSettings, ProcessingSettings, QuerySettings, UpSettings};
pub use self::telemetry::{OtlpProtocol, TelemetrySettings};
pub use self::tools::{
    DeadLettersAction, DeadLettersArguments, DocumentedRole, HealthcheckArguments, LetterSelection,
    ListeningRole, OpenapiArguments, ReconcileArguments,
};
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
    /// Account for every entry that was delivered, and restore those that nobody has
    ///
    /// For when somebody has deleted a consumer with entries pending (`XGROUP DELCONSUMER`): Redis
    /// delivers those to nobody any more. Prints the ids of what is neither pending nor stored nor a dead
    /// letter; exit code 0 when there is nothing, or everything is restored
    Reconcile(ReconcileArguments),
    /// Ask the services on this machine whether they are ready; exit code 0 when they are
    Healthcheck(HealthcheckArguments),
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

#[cfg(test)]
mod tests;
