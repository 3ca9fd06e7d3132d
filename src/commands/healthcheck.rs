//! Asks a service on this machine whether it is ready: the probe of containers that have no shell.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use crate::config::HealthcheckArguments;

/// Below the second that container platforms commonly give a probe's command.
const TIMEOUT: Duration = Duration::from_millis(900);

/// Asks `/readyz`; all ports of the role must answer that they are ready. Without a role, ports at which
/// nothing listens are passed over, as long as one answers: an image does not know which role it is going
/// to run.
///
/// # Errors
/// When a port is not ready, or a setting is of no use.
pub async fn run(arguments: HealthcheckArguments) -> anyhow::Result<()> {
    let ports = arguments.ports()?;
    let asker = Asker::new()?;
    let (mut unready, mut silent) = (Vec::new(), Vec::new());
    for &port in &ports {
        let address = reachable(arguments.listen.address(ANY, port).await?);
        match asker.ask(address).await {
            Ok(()) => {}
            Err(Unready::Silent(reason)) if arguments.role.is_none() => {
                silent.push((address, reason));
            }
            Err(Unready::Silent(reason) | Unready::Says(reason)) => unready.push((address, reason)),
        }
    }
    if silent.len() == ports.len() {
        unready.append(&mut silent);
    }
    let reasons =
        unready.iter().map(|(address, reason)| format!("{address} is not ready: {reason}"));
    let reasons: Vec<_> = reasons.collect();
    if reasons.is_empty() { Ok(()) } else { bail!(reasons.join("; ")) }
}

/// What services listen on that are told nothing else.
const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The address at which a service is reached on this machine that listens on this one.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Why a service is not ready.
#[derive(Debug)]
pub enum Unready {
    /// Nothing listens there.
    Silent(String),
    /// It answers that it is not, or not as it should.
    Says(String),
}

/// Asks services whether they are ready.
#[derive(Debug)]
pub struct Asker(reqwest::Client);

impl Asker {
    /// # Errors
    /// When the client cannot be set up.
    pub fn new() -> reqwest::Result<Self> {
        // The client wants one also for plain HTTP; Err means that the process has chosen one before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A proxy that the environment names is for the world outside of this machine, and so are the
        // certificates that an image may lack.
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(TIMEOUT);
        client.build().map(Self)
    }

    /// Asks one.
    ///
    /// # Errors
    /// Says why it is not ready.
    pub async fn ask(&self, address: SocketAddr) -> Result<(), Unready> {
        let asking = self.0.get(format!("http://{address}/readyz")).send();
        let answer = asking.await.map_err(|error| no_answer(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let body = answer.text().await.map_err(|error| no_answer(&error))?;
        Err(Unready::Says(format!("{status}: {}", detail(body))))
    }
}

/// The sentence in a body of JSON; other bodies as they are.
fn detail(body: String) -> String {
    let json = serde_json::from_str::<Value>(&body).ok();
    json.and_then(|json| Some(json.get("detail")?.as_str()?.to_owned())).unwrap_or(body)
}

fn no_answer(error: &reqwest::Error) -> Unready {
    if error.is_timeout() {
        return Unready::Says(format!("no answer within {} ms", TIMEOUT.as_millis()));
    }
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let cause = cause.to_string();
    if error.is_connect() { Unready::Silent(cause) } else { Unready::Says(cause) }
}
