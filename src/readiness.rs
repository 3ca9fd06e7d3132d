//! The readiness of the services on this machine (`GET /readyz`).

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use poem::http::uri::Scheme;
use serde_json::Value;

/// Time limit of a request. Must be below the second that container platforms commonly give a probe's
/// command.
const TIMEOUT: Duration = Duration::from_millis(900);

/// Why a service is not ready.
#[derive(Debug)]
pub enum NotReady {
    /// Nothing listens on the address.
    Unreachable(String),
    /// The service responded that it is not ready, or did not respond in time.
    Unready(String),
}

/// A client of `/readyz`.
#[derive(Debug)]
pub struct ReadinessClient {
    client: reqwest::Client,
    scheme: Scheme,
}

impl ReadinessClient {
    /// A client of services whose URLs have this scheme.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(scheme: Scheme) -> reqwest::Result<Self> {
        // A proxy of the environment is for other machines, and images may lack the system's certificates. Any is
        // accepted: it is for another name than that of this machine, and the request has nothing to protect.
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT);
        let client = client.tls_certs_only([]).tls_danger_accept_invalid_certs(true);
        Ok(Self { client: client.build()?, scheme })
    }

    /// Checks one service.
    ///
    /// # Errors
    /// Why it is not ready.
    pub async fn check(&self, address: SocketAddr) -> Result<(), NotReady> {
        let request = self.client.get(format!("{}://{address}/readyz", self.scheme)).send();
        let response = request.await.map_err(|error| no_response(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body = response.text().await.map_err(|error| no_response(&error))?;
        Err(NotReady::Unready(format!("{status}: {}", detail(body))))
    }
}

/// The address by which this machine reaches a service that listens on the given one.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// `detail` of a JSON error body; any other body as it is.
fn detail(body: String) -> String {
    let json = serde_json::from_str::<Value>(&body).ok();
    json.and_then(|json| Some(json.get("detail")?.as_str()?.to_owned())).unwrap_or(body)
}

fn no_response(error: &reqwest::Error) -> NotReady {
    if error.is_timeout() {
        return NotReady::Unready(format!("no response within {} ms", TIMEOUT.as_millis()));
    }
    // The innermost error is the system's, such as "Connection refused"; the others repeat the URL.
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let cause = cause.to_string();
    if error.is_connect() { NotReady::Unreachable(cause) } else { NotReady::Unready(cause) }
}
