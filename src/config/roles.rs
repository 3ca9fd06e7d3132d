//! The settings of each role, by topic.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::values::port;
use super::{
    ConsumerSettings, DrainSettings, IngestionPort, IngestionThreads, IntakeSettings, ListenHost,
    LogSettings, ProcessingPort, RedisSettings, TelemetrySettings,
};

#[derive(Debug, Clone, Args)]
pub struct IngestionSettings {
    #[command(flatten)]
    pub log: LogSettings,
    #[command(flatten)]
    pub telemetry: TelemetrySettings,
    #[command(flatten)]
    pub intake: IntakeSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub port: IngestionPort,
    #[command(flatten)]
    pub threads: IngestionThreads,
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
    pub telemetry: TelemetrySettings,
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
    pub telemetry: TelemetrySettings,
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
    pub telemetry: TelemetrySettings,
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
