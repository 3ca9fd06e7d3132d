//! Arguments of commands that carry out one task and exit.

use clap::{Args, Subcommand, ValueEnum};

use readings::SiteId;
use readings::energy::rollup::Day;

use super::parsers::{past_day, port, site};
use super::{
    ArchiveSettings, ArchivingSettings, CommandRedis, ListenHost, PackingSettings, PowerSettings,
    RetentionSettings, SettingError, TlsSettings,
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
    pub archive: ArchiveSettings,
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
    #[arg(long = "site", value_name = "SITE", value_parser = site)]
    pub sites: Vec<SiteId>,
    #[command(flatten)]
    pub archive: ArchiveSettings,
    #[command(flatten)]
    pub redis: CommandRedis,
}

#[derive(Debug, Args)]
pub struct PackArguments {
    /// Only this site. If repeated, these
    #[arg(long = "site", value_name = "SITE", value_parser = site)]
    pub sites: Vec<SiteId>,
    /// Only UTC days before this one, as `2026-01-31`; today at most
    #[arg(long, value_name = "DATE", value_parser = past_day)]
    pub before: Option<Day>,
    #[command(flatten)]
    pub redis: CommandRedis,
}

#[derive(Debug, Args)]
pub struct UnpackArguments {
    /// Only this site. If repeated, these
    #[arg(long = "site", value_name = "SITE", value_parser = site)]
    pub sites: Vec<SiteId>,
    /// Only UTC days before this one, as `2026-01-31`; today at most
    #[arg(long, value_name = "DATE", value_parser = past_day)]
    pub before: Option<Day>,
    /// Discard packed values that are damaged: their readings are lost, unless the archive has them. Until then what needs
    /// them is an error, and nothing packs or archives their days
    #[arg(long)]
    pub discard_damaged: bool,
    #[command(flatten)]
    pub packing: PackingSettings,
    #[command(flatten)]
    pub archive: ArchiveSettings,
    #[command(flatten)]
    pub redis: CommandRedis,
}

#[derive(Debug, Args)]
pub struct ArchiveArguments {
    #[command(subcommand)]
    pub action: ArchiveAction,
}

#[derive(Debug, Subcommand)]
pub enum ArchiveAction {
    /// Move packed days into the archive now, as the Processing Service does each hour
    ///
    /// Days that are not packed stay where they are: `pack` packs them. With the settings of the service; it may be interrupted
    /// and run again, beside services, one process at a time
    Run(RunArchiverArguments),
    /// Print what the archive has: its files, and the day before which all days are archived
    Status(StatusArguments),
    /// Read all files, and compare each day of each site with what Redis knows of it
    ///
    /// Prints what is wrong; the exit code is 0 when nothing is. It changes nothing, and may run beside services; what they
    /// archive meanwhile may be reported wrongly
    Verify(VerifyArguments),
    /// Restore archived days as packed days, also into a Redis that has lost its data
    ///
    /// Packed readings take some 20 bytes of memory each; with `--only-headers` they stay in the archive. A day of which Redis
    /// has packed readings already, or that was deleted or unpacked, is left as it is: the command may be interrupted and run
    /// again, beside services. To leave the archive unset `PACK_AFTER` in all services before, as those with it archive the
    /// days again
    Restore(RestoreArguments),
}

#[derive(Debug, Args)]
pub struct RunArchiverArguments {
    #[command(flatten)]
    pub archiving: ArchivingSettings,
    #[command(flatten)]
    pub retention: RetentionSettings,
    #[command(flatten)]
    pub redis: CommandRedis,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    pub archive: ArchiveSettings,
}

#[derive(Debug, Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    pub archive: ArchiveSettings,
    #[command(flatten)]
    pub redis: CommandRedis,
}

#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// Only this site. If repeated, these
    #[arg(long = "site", value_name = "SITE", value_parser = site)]
    pub sites: Vec<SiteId>,
    /// Only UTC days from this one on, as `2026-01-31`
    #[arg(long, value_name = "DATE", value_parser = past_day)]
    pub from: Option<Day>,
    /// Only UTC days before this one, as `2026-01-31`
    #[arg(long, value_name = "DATE", value_parser = past_day)]
    pub before: Option<Day>,
    /// Restore only the headers of days, about 100 bytes each, by which Redis knows that the archive has their readings:
    /// these stay in the files and are read from there. For a Redis that has lost its data
    #[arg(long)]
    pub only_headers: bool,
    #[command(flatten)]
    pub archive: ArchiveSettings,
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
