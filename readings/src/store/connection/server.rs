//! The Redis server: its address, and the credentials that a connection needs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ProtocolVersion, RedisConnectionInfo,
    TlsCertificates,
};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::address::{self, Address, AddressError};
use super::credentials::Credentials;
use super::master_watch::{MasterLease, MasterWatch};
use super::rejection_counter::RejectionCounter;
use super::requirements::Requirements;
use super::sentinel;
use super::socket::{self, Socket};
use super::tls::TlsFilesError;
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

/// How long a connection attempt may take. Too low and a busy server is never reached; too high and
/// callers wait that long for an "unavailable".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a server may take to send the reason why it closes a connection. Too low and the reason is
/// lost; too high and callers that wait for a connection wait longer for nothing.
const CLOSE_REASON_TIMEOUT: Duration = Duration::from_millis(200);

/// Bytes of that reason that are read. Too low and it is cut, and so not understood; too high and a
/// server that is no Redis fills memory.
const MAX_CLOSE_REASON_BYTES: u64 = 1_024;

/// How long the Sentinels may take to name the master, all together. Too low and a slow one is ignored;
/// too high and a connection attempt takes that long while none replies.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// A Redis (or Valkey) server that can be connected to.
#[derive(Debug, Clone)]
pub struct RedisServer {
    address: Address,
    name: ServerName,
    credentials: Credentials,
    master_watch: MasterWatch,
    requirements: Arc<Requirements>,
    rejections: RejectionCounter,
}

/// A server whose address is known.
pub(super) struct Resolved {
    client: Client,
    pub name: ServerName,
    pub lease: MasterLease,
}

impl RedisServer {
    /// Names a server by host and port.
    ///
    /// # Errors
    /// When host and port are not a valid address.
    pub fn from_host_port(host: &str, port: u16) -> Result<Self, AddressError> {
        Ok(Self::with_address(Address::from_host_port(host, port)?))
    }

    /// Names a server by the path of its Unix socket.
    ///
    /// # Errors
    /// When the path is not a valid address.
    pub fn from_socket(path: &Path) -> Result<Self, AddressError> {
        Ok(Self::with_address(Address::from_socket(path)?))
    }

    /// Names a server by URL: `redis://`, `rediss://` (TLS) or `redis+unix://`, with user, password
    /// and database; or a master by `redis+sentinel://[user:password@]host[:port],…/master[/database]`, with TLS
    /// `rediss+sentinel://`.
    ///
    /// # Errors
    /// When the URL is not one of these.
    pub fn from_url(url: &str) -> Result<Self, AddressError> {
        Ok(Self::with_address(Address::parse(url)?))
    }

    fn with_address(address: Address) -> Self {
        if address.uses_tls() {
            // Err means that the process has installed a provider before, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let name = address.name().into();
        Self {
            address,
            name,
            credentials: Credentials::default(),
            master_watch: MasterWatch::default(),
            requirements: Arc::default(),
            rejections: RejectionCounter::default(),
        }
    }

    /// The same server with these credentials.
    ///
    /// # Errors
    /// When the files of certificates cannot be used, or would not be, as the address is not one of TLS.
    pub fn with_credentials(self, credentials: Credentials) -> Result<Self, TlsFilesError> {
        credentials.tls.read()?;
        if credentials.tls.is_empty() || self.address.uses_tls() {
            Ok(Self { credentials, ..self })
        } else {
            Err(TlsFilesError::Unused)
        }
    }

    /// The same server with these requirements, which are checked on each connection.
    #[must_use]
    pub fn requiring(self, requirements: Requirements) -> Self {
        Self { requirements: Arc::new(requirements), ..self }
    }

    /// The server as logs name it, without password.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn rejections(&self) -> &RejectionCounter {
        &self.rejections
    }

    pub(super) const fn shared_name(&self) -> &ServerName {
        &self.name
    }

    pub(super) fn requirements(&self) -> &Requirements {
        &self.requirements
    }

    /// The ACL user of the connections.
    pub(super) fn user(&self) -> &str {
        self.address.login().username().unwrap_or("default")
    }

    /// Connects. Host names, Sentinels and credential files are read each time, as all of them may
    /// change while the process runs.
    pub(super) async fn connect(
        &self,
        config: AsyncConnectionConfig,
    ) -> StoreResult<(MultiplexedConnection, Resolved)> {
        let resolved = self.resolve().await?;
        let config = config.set_connection_timeout(Some(CONNECT_TIMEOUT));
        let connecting = resolved.client.get_multiplexed_async_connection_with_config(&config);
        match connecting.await {
            Ok(connection) => Ok((connection, resolved)),
            Err(error) => {
                let error = StoreError::new(&resolved.name, CONNECT, error);
                Err(self.explain(&resolved, error).await)
            }
        }
    }

    /// A server that refuses a connection as a whole (`maxclients`) sends the reason and closes it. Data
    /// that was sent meanwhile makes the kernel discard that reason, so where a connection was closed,
    /// a second one is opened that sends nothing and only reads.
    async fn explain(&self, resolved: &Resolved, error: StoreError) -> StoreError {
        if error.class != ErrorClass::Disconnected || error.was_never_connected() {
            return error;
        }
        let reason = timeout(CLOSE_REASON_TIMEOUT, self.close_reason(resolved)).await;
        let reason = reason.ok().flatten();
        reason.map_or(error, |reason| StoreError::new(&resolved.name, CONNECT, reason))
    }

    async fn close_reason(&self, resolved: &Resolved) -> Option<redis::RedisError> {
        let certificates = self.certificates().ok()?;
        let info = resolved.client.get_connection_info();
        let socket = socket::connect(info, &certificates).await.ok()?;
        let mut reason = Vec::new();
        socket.take(MAX_CLOSE_REASON_BYTES).read_to_end(&mut reason).await.ok()?;
        redis::parse_redis_value(&reason).ok()?.extract_error().err()
    }

    /// Connects as [`RedisServer::connect`] does, and leaves authentication to the caller.
    pub(super) async fn connect_raw(&self) -> StoreResult<(Socket, RedisConnectionInfo, Resolved)> {
        let (resolved, certificates) = (self.resolve().await?, self.certificates()?);
        let info = resolved.client.get_connection_info();
        let connecting = timeout(CONNECT_TIMEOUT, socket::connect(info, &certificates));
        let connected = connecting.await.unwrap_or_else(|late| Err(late.into()));
        let failed = |error: std::io::Error| StoreError::new(&resolved.name, CONNECT, error.into());
        Ok((connected.map_err(failed)?, info.redis_settings().clone(), resolved))
    }

    async fn resolve(&self) -> StoreResult<Resolved> {
        let resolving = timeout(RESOLVE_TIMEOUT, self.resolve_address());
        let address = resolving.await.map_err(|_| self.not_resolved())??;
        let lease = self.master_watch.record(address::shown(&address));
        let name = match &self.address {
            Address::Server(_) => Arc::clone(&self.name),
            Address::Sentinel { master_name, .. } => {
                self.watch_master();
                format!("{} (master {master_name})", address::shown(&address)).into()
            }
        };
        let client = self.client(address).map_err(|error| error.of(&name))?;
        Ok(Resolved { client, name, lease })
    }

    fn watch_master(&self) {
        let server = self.clone();
        self.master_watch.start_polling(move || {
            let server = server.clone();
            async move { server.resolve_address().await.map(|address| address::shown(&address)) }
        });
    }

    /// The present address of the server.
    async fn resolve_address(&self) -> StoreResult<ConnectionAddr> {
        match &self.address {
            Address::Server(info) => Ok(info.addr().clone()),
            Address::Sentinel { master_name, sentinels, .. } => {
                let known = self.master_watch.address();
                let certificates = self.certificates()?;
                sentinel::master(master_name, sentinels, &self.name, &certificates, &known).await
            }
        }
    }

    fn client(&self, address: ConnectionAddr) -> StoreResult<Client> {
        // RESP3: only with it a lost connection is noticed while it is idle.
        let login = self.address.login().clone().set_protocol(ProtocolVersion::RESP3);
        let login = match self.credentials.password().map_err(|error| self.unusable(error))? {
            Some(password) => login.set_password(password),
            None => login,
        };
        let client = address::client_of(address, &login, self.certificates()?);
        client.map_err(|error| StoreError::new(&self.name, CONNECT, error))
    }

    fn certificates(&self) -> StoreResult<TlsCertificates> {
        self.credentials.tls.read().map_err(|error| self.unusable(error.to_string()))
    }

    /// A credential file that cannot be used.
    fn unusable(&self, error: String) -> StoreError {
        StoreError::found(&self.name, CONNECT, ErrorClass::Denied, error)
    }

    fn not_resolved(&self) -> StoreError {
        let text = "no Sentinel named the master in time";
        StoreError::found(&self.name, CONNECT, ErrorClass::Timeout, text)
    }
}
