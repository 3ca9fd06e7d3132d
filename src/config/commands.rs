//! The arguments of commands that do one thing and end.

use clap::{Args, Subcommand, ValueEnum};

use super::parsers::port;
use super::{ListenHost, RetentionSettings, SettingFault, ToolRedis};

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
        redis: ToolRedis,
    },
    /// Put their entries back into the stream
    Retry {
        #[command(flatten)]
        letters: LetterSelection,
        #[command(flatten)]
        redis: ToolRedis,
    },
    /// Delete them for good
    Delete {
        #[command(flatten)]
        letters: LetterSelection,
        #[command(flatten)]
        redis: ToolRedis,
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
    pub redis: ToolRedis,
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
    /// Port of the Ingestion API
    #[arg(long, env, value_name = "PORT", default_value = "8000", value_parser = port)]
    ingestion_port: u16,
    /// Port of the Processing Service
    #[arg(long, env, value_name = "PORT", default_value = "8001", value_parser = port)]
    processing_port: u16,
    #[command(flatten)]
    pub listen: ListenHost,
}

impl HealthcheckArguments {
    /// The ports to ask at.
    ///
    /// # Errors
    /// When one of them is 0: only the service knows which port it picked then.
    pub fn ports(&self) -> Result<Vec<u16>, SettingFault> {
        let ingestion = ("INGESTION_PORT", self.ingestion_port);
        let processing = ("PROCESSING_PORT", self.processing_port);
        let asked = match self.role {
            None | Some(ListeningRole::Up) => vec![ingestion, processing],
            Some(ListeningRole::IngestionApi) => vec![ingestion],
            Some(ListeningRole::ProcessingService | ListeningRole::QueryApi) => vec![processing],
        };
        let usable = |(variable, port)| match port {
            0 => Err(SettingFault::new(
                variable,
                "must be the port that the service listens on, not 0",
            )),
            port => Ok(port),
        };
        asked.into_iter().map(usable).collect()
    }
}
