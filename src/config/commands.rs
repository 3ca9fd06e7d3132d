//! Arguments of commands that carry out one task and exit.

use clap::{Args, Subcommand, ValueEnum};

use super::parsers::port;
use super::{
    CommandRedis, ListenHost, PowerSettings, RetentionSettings, SettingError, TlsSettings,
};

#[derive(Debug, Args)]
pub struct DeadLettersArguments {
    #[command(subcommand)]
    pub action: DeadLettersAction,
}

#[derive(Debug, Subcommand)]
pub enum DeadLettersAction {
    /// Print all dead letters, oldest first, as one JSON object per line
    List {
        #[command(flatten)]
        redis: CommandRedis,
    },
    /// Append the entries of dead letters to the stream again, and delete the dead letters
    Retry {
        #[command(flatten)]
        selection: DeadLetterSelection,
        #[command(flatten)]
        redis: CommandRedis,
    },
    /// Delete dead letters; their readings are lost
    Delete {
        #[command(flatten)]
        selection: DeadLetterSelection,
        #[command(flatten)]
        redis: CommandRedis,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct DeadLetterSelection {
    /// Ids of dead letters, as `list` prints them
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Select all dead letters that exist when the command starts
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct ReconcileArguments {
    /// Make orphaned entries pending again, so that services claim and store them
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub retention: RetentionSettings,
    #[command(flatten)]
    pub power: PowerSettings,
    #[command(flatten)]
    pub redis: CommandRedis,
}

#[derive(Debug, Args)]
pub struct ReindexArguments {
    #[command(flatten)]
    pub redis: CommandRedis,
}

#[derive(Debug, Args)]
pub struct RollupsArguments {
    #[command(subcommand)]
    pub action: RollupsAction,
}

#[derive(Debug, Subcommand)]
pub enum RollupsAction {
    /// Compute the rollups of all days, so that the first questions about energy need not
    ///
    /// Rollups that are stored and valid stay, so the command can be interrupted and run again, at any
    /// time, beside services. Sites are those of the index, unless they are named
    Build(BuildRollupsArguments),
}

#[derive(Debug, Args)]
pub struct BuildRollupsArguments {
    /// Only this site. If repeated, these
    #[arg(long = "site", value_name = "SITE")]
    pub sites: Vec<String>,
    #[command(flatten)]
    pub redis: CommandRedis,
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

/// A role that serves HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListeningRole {
    Up,
    IngestionApi,
    ProcessingService,
    QueryApi,
}

#[derive(Debug, Args)]
pub struct HealthcheckArguments {
    /// Role to check; if unset, every role that listens on this machine
    pub role: Option<ListeningRole>,
    /// Port of the Ingestion API
    #[arg(long, env, value_name = "PORT", default_value = "8000", value_parser = port)]
    ingestion_port: u16,
    /// Port of the Processing Service
    #[arg(long, env, value_name = "PORT", default_value = "8001", value_parser = port)]
    processing_port: u16,
    #[command(flatten)]
    pub listen: ListenHost,
    #[command(flatten)]
    pub tls: TlsSettings,
}

impl HealthcheckArguments {
    /// The ports to check.
    ///
    /// # Errors
    /// When one of them is 0: the port that the service chose is not known here.
    pub fn ports(&self) -> Result<Vec<u16>, SettingError> {
        let ingestion = ("INGESTION_PORT", self.ingestion_port);
        let processing = ("PROCESSING_PORT", self.processing_port);
        let selected = match self.role {
            None | Some(ListeningRole::Up) => vec![ingestion, processing],
            Some(ListeningRole::IngestionApi) => vec![ingestion],
            Some(ListeningRole::ProcessingService | ListeningRole::QueryApi) => vec![processing],
        };
        let usable = |(variable, port)| match port {
            0 => Err(SettingError::new(
                variable,
                "must be the port that the service listens on, not 0",
            )),
            port => Ok(port),
        };
        selected.into_iter().map(usable).collect()
    }
}
