//! The HTTP server of a role.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use api::address_limit::AddressLimit;
use api::client_address::TrustedProxies;
use api::origins::OriginPolicy;
use api::server::{self, Connections, Tls};
use poem::http::uri::Scheme;
use poem::{Endpoint, Response};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::listener::listen;
use crate::config::{HttpSettings, MonitoringSettings, PortSetting, SettingError};
use crate::console;

/// What the servers of a process share.
pub struct HttpServers<'a> {
    settings: &'a HttpSettings,
    /// The address to listen on if `LISTEN_HOST` is unset.
    default_host: Ipv4Addr,
    connections: Connections,
    tls: Option<Tls>,
    address_limit: AddressLimit,
}

impl<'a> HttpServers<'a> {
    /// Servers with these settings.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(settings: &'a HttpSettings, default_host: Ipv4Addr) -> Result<Self, SettingError> {
        let connections = Connections::new(settings.connections.limits());
        let address_limit = settings.rate_limits.per_address();
        // With keys a certificate is one of two ways to authenticate, and the guard rejects requests that have neither.
        let tls = settings.tls.load(!settings.access.requires_keys())?;
        Ok(Self { settings, default_host, connections, tls, address_limit })
    }

    /// Binds a port; the server stops when `stop` is cancelled, within `grace`.
    ///
    /// # Errors
    /// When the port is in use, or not permitted.
    pub async fn bind(
        &self,
        port: PortSetting,
        stop: &CancellationToken,
        grace: Duration,
    ) -> anyhow::Result<HttpServer> {
        let listener = listen(&self.settings.listen, self.default_host, port).await?;
        self.warn_of_open_access(listener.local_addr()?);
        Ok(HttpServer {
            proxies: self.settings.rate_limits.trusted_proxies(),
            origins: self.settings.origins.policy(listener.local_addr()?),
            address_limit: self.address_limit.clone(),
            listener,
            connections: self.connections.clone(),
            tls: self.tls.clone(),
            stop: stop.clone(),
            grace,
        })
    }

    /// Binds `METRICS_PORT`, if it is set.
    ///
    /// # Errors
    /// As [`bind_monitoring`].
    pub async fn bind_monitoring(&self) -> anyhow::Result<Option<HttpServer>> {
        let HttpSettings { listen, metrics, connections, origins, .. } = self.settings.clone();
        let settings = MonitoringSettings { listen, metrics, connections, origins };
        bind_monitoring(&settings, self.default_host).await
    }

    fn warn_of_open_access(&self, address: SocketAddr) {
        if !address.ip().is_loopback() && !self.settings.access.requires_keys() {
            warn!(
                %address,
                "every client that reaches this address may write, read and operate: API_KEYS_FILE is not set"
            );
        }
    }
}

/// Binds `METRICS_PORT`, if it is set: without TLS and limits, as probes need, and served until the process exits, so
/// that a drain can be observed.
///
/// # Errors
/// When the port is in use, or not permitted.
pub async fn bind_monitoring(
    settings: &MonitoringSettings,
    default_host: Ipv4Addr,
) -> anyhow::Result<Option<HttpServer>> {
    let Some(port) = settings.metrics.setting() else { return Ok(None) };
    let listener = listen(&settings.listen, default_host, port).await?;
    Ok(Some(HttpServer {
        proxies: TrustedProxies::new(Vec::new()),
        origins: settings.origins.policy(listener.local_addr()?),
        address_limit: AddressLimit::new(None),
        listener,
        // Of its own: it can be reached when all connections of clients are in use.
        connections: Connections::new(settings.connections.monitoring_limits()),
        tls: None,
        stop: CancellationToken::new(),
        grace: Duration::ZERO,
    }))
}

/// A bound port with what is needed to serve an endpoint on it.
pub struct HttpServer {
    listener: TcpListener,
    /// Limits of connections, shared by all servers of the process.
    connections: Connections,
    /// The certificate, if the port serves HTTPS.
    tls: Option<Tls>,
    /// Which peers state whose a request is.
    proxies: TrustedProxies,
    /// Which requests are admitted.
    origins: OriginPolicy,
    /// How many requests of a client are admitted, on all servers of the process.
    address_limit: AddressLimit,
    /// Stops the server.
    stop: CancellationToken,
    /// How long requests may take to complete after that.
    grace: Duration,
}

impl HttpServer {
    /// The address that it listens on.
    ///
    /// # Errors
    /// When the listener is not a socket.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The scheme of its URLs.
    pub fn scheme(&self) -> Scheme {
        if self.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP }
    }

    /// Prints the address of a role, and serves until `stop` is cancelled.
    ///
    /// # Errors
    /// When the listener has failed.
    pub async fn announce_and_serve(
        self,
        role: &str,
        endpoint: impl Endpoint<Output = Response> + 'static,
    ) -> anyhow::Result<()> {
        let (scheme, address) = (self.scheme(), self.address()?);
        console::print(format_args!("{role} listens on {scheme}://{address}"));
        self.serve(endpoint).await
    }

    /// Serves the endpoint of `METRICS_PORT` in a task, if the port is bound.
    pub fn spawn_monitoring<E: Endpoint<Output = Response> + 'static>(
        bound: Option<Self>,
        endpoint: impl FnOnce() -> E,
    ) {
        let Some(server) = bound else { return };
        let serving = server.announce_and_serve("metrics", endpoint());
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                error!(error = format!("{error:#}"), "METRICS_PORT is no longer served");
            }
        });
    }

    /// Serves until `stop` is cancelled; requests in progress then have `grace` to complete.
    ///
    /// # Errors
    /// When the listener has failed.
    pub async fn serve(
        self,
        endpoint: impl Endpoint<Output = Response> + 'static,
    ) -> anyhow::Result<()> {
        let Self { listener, connections, tls, proxies, origins, address_limit, stop, grace } =
            self;
        let endpoint = proxies.resolve(origins.guard(address_limit.guard(endpoint)));
        let stopped = stop.cancelled_owned();
        Ok(server::serve(listener, endpoint, connections, tls, stopped, grace).await?)
    }

    /// The same server for a thread with its own runtime: the kernel distributes connections among them.
    ///
    /// # Errors
    /// When there are no more file descriptors.
    pub fn clone_to(&self, runtime: &Handle) -> anyhow::Result<Self> {
        let socket = self.listener.as_fd().try_clone_to_owned()?;
        // The listener registers with the runtime that is entered here.
        let _guard = runtime.enter();
        Ok(Self {
            listener: TcpListener::from_std(socket.into())?,
            connections: self.connections.clone(),
            tls: self.tls.clone(),
            proxies: self.proxies.clone(),
            origins: self.origins.clone(),
            address_limit: self.address_limit.clone(),
            stop: self.stop.clone(),
            grace: self.grace,
        })
    }
}
