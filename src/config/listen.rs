//! Addresses and ports to listen on.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;

use clap::Args;

use super::parsers::{count, port};
use super::{Host, SettingError};

/// A port, and the variable that sets it.
#[derive(Debug, Clone, Copy)]
pub struct PortSetting {
    pub port: u16,
    pub variable: &'static str,
}

#[derive(Debug, Clone, Args)]
pub struct IngestionPort {
    /// Port of the Ingestion API; 0 chooses a free one
    #[arg(long, env, value_name = "PORT", default_value = "8000", value_parser = port)]
    ingestion_port: u16,
}

impl IngestionPort {
    /// The port and its variable.
    pub const fn setting(&self) -> PortSetting {
        PortSetting { port: self.ingestion_port, variable: "INGESTION_PORT" }
    }
}

#[derive(Debug, Clone, Args)]
pub struct IngestionThreads {
    /// Threads that accept readings, each with its own connections to Redis. Lower: one core accepts about
    /// 70,000 readings a second. Higher: more memory, and more work for Redis per reading
    #[arg(long, env, value_name = "THREADS", default_value = "1", value_parser = count::<1, 64>)]
    pub ingestion_threads: NonZeroUsize,
}

#[derive(Debug, Clone, Args)]
pub struct ProcessingPort {
    /// Port of the Processing Service; 0 chooses a free one
    #[arg(long, env, value_name = "PORT", default_value = "8001", value_parser = port)]
    processing_port: u16,
}

impl ProcessingPort {
    /// The port and its variable.
    pub const fn setting(&self) -> PortSetting {
        PortSetting { port: self.processing_port, variable: "PROCESSING_PORT" }
    }
}

#[derive(Debug, Clone, Args)]
pub struct MetricsPort {
    /// Another port for probes (`/livez`, `/readyz`, `/health`) and Prometheus (`/metrics`), in plain HTTP and
    /// without API keys; 0 chooses a free one. It must be reachable by the platform only. If unset, no such port
    #[arg(long, env, value_name = "PORT", value_parser = port)]
    metrics_port: Option<u16>,
}

impl MetricsPort {
    /// The port, if there is one, and its variable.
    pub fn setting(&self) -> Option<PortSetting> {
        self.metrics_port.map(|port| PortSetting { port, variable: "METRICS_PORT" })
    }
}

#[derive(Debug, Clone, Args)]
pub struct ListenHost {
    /// Address or host name to listen on, such as `127.0.0.1`, `::1` or `localhost` (the first IPv4 address
    /// of several), or `::` for all IPv6 and IPv4 addresses; if unset `0.0.0.0`, with `up` `127.0.0.1`
    #[arg(long, env, value_name = "HOST", value_parser = str::parse::<Host>)]
    pub listen_host: Option<Host>,
}

impl ListenHost {
    /// The address to listen on; `default` if none is set.
    ///
    /// # Errors
    /// When the name cannot be resolved.
    pub async fn address(&self, default: IpAddr, port: u16) -> Result<SocketAddr, SettingError> {
        let Some(host) = &self.listen_host else { return Ok(SocketAddr::new(default, port)) };
        host.resolve(port).await.map_err(|error| {
            let rule = format!(
                "must be an IP address or a host name that can be resolved, but is '{host}': {error}"
            );
            SettingError::new("LISTEN_HOST", rule)
        })
    }
}
