//! Hosts that requests may name, and web pages of other origins that may send them.

use std::net::SocketAddr;

use api::origins::{HostPattern, Origin, OriginPolicy};
use clap::Args;

use super::list::List;

#[derive(Debug, Clone, Args)]
pub struct OriginSettings {
    /// Hosts that requests may name in `Host`, besides this machine's, as `energy.example.com,*.example.net`; others
    /// get 421, `*` allows all. If unset, a service that listens on a loopback address accepts `localhost`,
    /// `*.localhost` and loopback addresses, against DNS rebinding, and any other service every host. Addresses are
    /// always allowed where it does not listen on loopback
    #[arg(long, env, value_name = "HOSTS", value_parser = str::parse::<List<HostPattern>>)]
    allowed_hosts: Option<List<HostPattern>>,
    /// Origins of web pages that may send requests and read responses (CORS), as `https://dashboard.example.com`. If
    /// unset none: pages of other origins read nothing, and their writes get 403
    #[arg(long, env, value_name = "ORIGINS", value_parser = str::parse::<List<Origin>>)]
    cors_allowed_origins: Option<List<Origin>>,
}

impl OriginSettings {
    /// The policy of a server that listens on this address.
    pub fn policy(&self, local: SocketAddr) -> OriginPolicy {
        let (hosts, origins) = (self.allowed_hosts.as_ref(), self.cors_allowed_origins.as_ref());
        OriginPolicy::new(local, List::items(hosts), List::items(origins))
    }
}
