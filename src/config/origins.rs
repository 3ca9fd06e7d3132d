//! Hosts that requests may name, and web pages of other origins that may send them.

use std::net::SocketAddr;
use std::str::FromStr;

use api::origins::{HostPattern, Origin, OriginPolicy};
use clap::Args;

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

/// Values with commas between them. Not a list of Clap's: of an invalid value it would show that item only, which is not
/// the value of the variable.
#[derive(Debug, Clone)]
struct List<T>(Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl OriginSettings {
    /// The policy of a server that listens on this address.
    pub fn policy(&self, local: SocketAddr) -> OriginPolicy {
        let (hosts, origins) = (self.allowed_hosts.as_ref(), self.cors_allowed_origins.as_ref());
        OriginPolicy::new(local, items(hosts), items(origins))
    }
}

fn items<T: Clone>(list: Option<&List<T>>) -> Vec<T> {
    list.map(|list| list.0.clone()).unwrap_or_default()
}
