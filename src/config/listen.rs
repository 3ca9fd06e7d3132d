//! Where roles listen.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;

use clap::Args;

use super::parsers::{count, port};
use super::{Host, SettingFault};

#[derive(Debug, Clone, Args)]
pub struct IngestionPort {
    /// Port of the Ingestion API; 0 picks a free one
    #[arg(long, env, value_name = "PORT", default_value = "8000", value_parser = port)]
    pub ingestion_port: u16,
}

#[derive(Debug, Clone, Args)]
pub struct IngestionThreads {
    /// Threads that take readings, each with connections to Redis of its own. Lower: one core takes them
    /// all (about 70,000 a second). Higher: more memory, and more work for Redis with each reading
    #[arg(long, env, value_name = "THREADS", default_value = "1", value_parser = count::<1, 64>)]
    pub ingestion_threads: NonZeroUsize,
}

#[derive(Debug, Clone, Args)]
pub struct ProcessingPort {
    /// Port of the Processing Service; 0 picks a free one
    #[arg(long, env, value_name = "PORT", default_value = "8001", value_parser = port)]
    pub processing_port: u16,
}

#[derive(Debug, Clone, Args)]
pub struct ListenHost {
    /// Address or host name to listen on, such as `127.0.0.1`, `::1` or `localhost` (of several addresses
    /// the first of IPv4), or `::` for all of IPv6 and IPv4; `0.0.0.0` if unset, with `up` only this
    /// machine (`127.0.0.1`)
    #[arg(long, env, value_name = "HOST", value_parser = str::parse::<Host>)]
    pub listen_host: Option<Host>,
}

impl ListenHost {
    /// The address to listen on; `standard` if none is set.
    ///
    /// # Errors
    /// When the name cannot be looked up.
    pub async fn address(&self, standard: IpAddr, port: u16) -> Result<SocketAddr, SettingFault> {
        let Some(host) = &self.listen_host else { return Ok(SocketAddr::new(standard, port)) };
        host.resolve(port).await.map_err(|error| {
            let rule = format!(
                "must be an IP address or a host name that can be looked up, but is '{host}': {error}"
            );
            SettingFault::new("LISTEN_HOST", rule)
        })
    }
}
