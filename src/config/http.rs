//! What the HTTP servers of every role have in common.

use clap::Args;

use super::{
    AccessSettings, ConnectionSettings, ListenHost, MetricsPort, OriginSettings, RateLimitSettings,
    TlsSettings,
};

#[derive(Debug, Clone, Args)]
pub struct HttpSettings {
    #[command(flatten)]
    pub listen: ListenHost,
    #[command(flatten)]
    pub tls: TlsSettings,
    #[command(flatten)]
    pub metrics: MetricsPort,
    #[command(flatten)]
    pub access: AccessSettings,
    #[command(flatten)]
    pub connections: ConnectionSettings,
    #[command(flatten)]
    pub origins: OriginSettings,
    #[command(flatten)]
    pub rate_limits: RateLimitSettings,
}
