//! `healthcheck`: the probe for containers without a shell.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::bail;

use crate::config::HealthcheckArguments;
use crate::readiness::{NotReady, ReadinessClient, reachable};

/// The default of `LISTEN_HOST` in all roles but `up`, where loopback is reached by it, too.
const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Requests `/readyz` of each service of the role. Without a role, ports on which nothing listens are
/// skipped as long as one service is ready: an image does not know which role it will run.
///
/// # Errors
/// When a service is not ready, or a setting is invalid.
pub async fn run(arguments: HealthcheckArguments) -> anyhow::Result<()> {
    let ports = arguments.ports()?;
    let client = ReadinessClient::new(arguments.tls.scheme())?;
    let (mut unready, mut unreachable) = (Vec::new(), Vec::new());
    for &port in &ports {
        let address = reachable(arguments.listen.address(ANY, port).await?);
        match client.check(address).await {
            Ok(()) => {}
            Err(NotReady::Unreachable(reason)) if arguments.role.is_none() => {
                unreachable.push(failure(address, &reason));
            }
            Err(NotReady::Unreachable(reason) | NotReady::Unready(reason)) => {
                unready.push(failure(address, &reason));
            }
        }
    }
    if unreachable.len() == ports.len() {
        unready.append(&mut unreachable);
    }
    if unready.is_empty() { Ok(()) } else { bail!(unready.join("; ")) }
}

fn failure(address: SocketAddr, reason: &str) -> String {
    format!("{address} is not ready: {reason}")
}
