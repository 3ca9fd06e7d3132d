//! The settings of each role, combined from the topics.

use clap::Args;

use super::parsers::port;
use super::{
    ArchiveSettings, ArchivingSettings, ConnectionSettings, ConsumerSettings, DrainSettings,
    EventStreamSettings, HttpSettings, IngestionLimitSettings, IngestionPort, IngestionThreads,
    Instance, LineProtocolSettings, ListenHost, LogSettings, MetricsPort, MqttSettings,
    OriginSettings, PortSetting, PowerSettings, PrivateRedis, ProcessingPort, RedisSettings,
    RemoteWriteSettings, TelemetrySettings,
};

/// Logs, metrics and traces, the same in every role.
#[derive(Debug, Clone, Args)]
pub struct ObservabilitySettings {
    #[command(flatten)]
    pub log: LogSettings,
    #[command(flatten)]
    pub telemetry: TelemetrySettings,
}

#[derive(Debug, Clone, Args)]
pub struct IngestionSettings {
    #[command(flatten)]
    pub observability: ObservabilitySettings,
    #[command(flatten)]
    pub limits: IngestionLimitSettings,
    #[command(flatten)]
    pub line_protocol: LineProtocolSettings,
    #[command(flatten)]
    pub remote_write: RemoteWriteSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub power: PowerSettings,
    #[command(flatten)]
    pub port: IngestionPort,
    #[command(flatten)]
    pub threads: IngestionThreads,
    #[command(flatten)]
    pub http: HttpSettings,
    #[command(flatten)]
    pub drain: DrainSettings,
}

#[derive(Debug, Clone, Args)]
pub struct ProcessingSettings {
    #[command(flatten)]
    pub observability: ObservabilitySettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub power: PowerSettings,
    #[command(flatten)]
    pub archiving: ArchivingSettings,
    #[command(flatten)]
    pub consumer: ConsumerSettings,
    #[command(flatten)]
    pub port: ProcessingPort,
    #[command(flatten)]
    pub http: HttpSettings,
    #[command(flatten)]
    pub event_streams: EventStreamSettings,
}

#[derive(Debug, Clone, Args)]
pub struct QuerySettings {
    #[command(flatten)]
    pub observability: ObservabilitySettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub archive: ArchiveSettings,
    #[command(flatten)]
    pub port: ProcessingPort,
    #[command(flatten)]
    pub http: HttpSettings,
    #[command(flatten)]
    pub event_streams: EventStreamSettings,
    #[command(flatten)]
    pub drain: DrainSettings,
}

#[derive(Debug, Clone, Args)]
pub struct MqttBridgeSettings {
    #[command(flatten)]
    pub observability: ObservabilitySettings,
    #[command(flatten)]
    pub mqtt: MqttSettings,
    #[command(flatten)]
    pub instance: Instance,
    #[command(flatten)]
    pub limits: IngestionLimitSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub power: PowerSettings,
    #[command(flatten)]
    pub monitoring: MonitoringSettings,
}

/// What is served at `METRICS_PORT`, by a role without other ports.
#[derive(Debug, Clone, Args)]
pub struct MonitoringSettings {
    #[command(flatten)]
    pub listen: ListenHost,
    #[command(flatten)]
    pub metrics: MetricsPort,
    #[command(flatten)]
    pub connections: ConnectionSettings,
    #[command(flatten)]
    pub origins: OriginSettings,
}

#[derive(Debug, Clone, Args)]
pub struct UpSettings {
    #[command(flatten)]
    pub observability: ObservabilitySettings,
    #[command(flatten)]
    pub limits: IngestionLimitSettings,
    #[command(flatten)]
    pub line_protocol: LineProtocolSettings,
    #[command(flatten)]
    pub remote_write: RemoteWriteSettings,
    #[command(flatten)]
    pub redis: RedisSettings,
    #[command(flatten)]
    pub power: PowerSettings,
    #[command(flatten)]
    pub archiving: ArchivingSettings,
    #[command(flatten)]
    pub consumer: ConsumerSettings,
    #[command(flatten)]
    pub ingestion: IngestionPort,
    #[command(flatten)]
    pub processing: ProcessingPort,
    /// Port of the web page; 0 chooses a free one
    #[arg(long, env, value_name = "PORT", default_value = "3000", value_parser = port)]
    frontend_port: u16,
    #[command(flatten)]
    pub http: HttpSettings,
    #[command(flatten)]
    pub event_streams: EventStreamSettings,
    #[command(flatten)]
    pub mqtt: MqttSettings,
    #[command(flatten)]
    pub private_redis: PrivateRedis,
}

impl UpSettings {
    /// The port of the web page and its variable.
    pub const fn frontend(&self) -> PortSetting {
        PortSetting { port: self.frontend_port, variable: "FRONTEND_PORT" }
    }
}
