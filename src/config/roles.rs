//! The settings of each role, by topic.

use clap::Args;

use super::parsers::port;
use super::{
    ConnectionSettings, ConsumerSettings, DataDir, DrainSettings, IngestionPort, IngestionThreads,
    IntakeSettings, ListenHost, LogSettings, ProcessingPort, RedisSettings, TelemetrySettings,
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
    pub connections: ConnectionSettings,
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
    #[command(flatten)]
    pub connections: ConnectionSettings,
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
    pub connections: ConnectionSettings,
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
    #[command(flatten)]
    pub connections: ConnectionSettings,
    #[command(flatten)]
    pub data: DataDir,
}
