//! The arguments of commands that do one thing and end.

use clap::{Args, Subcommand, ValueEnum};

use super::{IngestionPort, ProcessingPort, RedisSettings, RetentionSettings};

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

#[derive(Debug, Args)]
pub struct ReconcileArguments {
    /// Make them pending again, so that services store them
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub retention: RetentionSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
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
    /// The role that runs here; if unset, whichever answers
    pub role: Option<ListeningRole>,
    #[command(flatten)]
    pub ingestion: IngestionPort,
    #[command(flatten)]
    pub processing: ProcessingPort,
}
