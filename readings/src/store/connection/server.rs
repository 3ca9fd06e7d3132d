//! The Redis server: its address, and the credentials that a connection needs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ProtocolVersion, RedisConnectionInfo,
    TlsCertificates,
};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::address::{self, Address, AddressError};
use super::cluster::Topology;
use super::credentials::Credentials;
use super::master_watch::{MasterLease, MasterWatch};
use super::rejection_counter::RejectionCounter;
use super::replica_choice::ReplicaChoice;
use super::replica_wait::ReplicaWait;
use super::requirements::Requirements;
use super::sentinel::Sentinels;
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
    replica_wait: Option<Arc<ReplicaWait>>,
    /// Set where a replica is connected to if there is a healthy one.
    replica_choice: Option<ReplicaChoice>,
    rejections: RejectionCounter,
    /// That of the Redis Cluster, and of each of its nodes.
    topology: Option<Topology>,
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
    /// and database; a master by `redis+sentinel://[user:password@]host[:port],…/master[/database]`; or a Redis Cluster
    /// by some of its nodes, `redis+cluster://[user:password@]host[:port],…`. With TLS: `rediss+…://`.
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
        let topology = matches!(address, Address::Cluster { .. }).then(Topology::default);
        Self {
            address,
            topology,
            name,
            credentials: Credentials::default(),
            master_watch: MasterWatch::default(),
            requirements: Arc::default(),
            replica_wait: None,
            replica_choice: None,
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

    /// The same server, whose replicas must have a write before it is confirmed
    /// ([`super::SharedConnection::wait_replicas`]).
    #[must_use]
    pub fn waiting_for(self, wait: ReplicaWait) -> Self {
        Self { replica_wait: Some(Arc::new(wait)), ..self }
    }

    /// What must be waited for, if anything.
    #[must_use]
    pub const fn replica_wait(&self) -> Option<&Arc<ReplicaWait>> {
        self.replica_wait.as_ref()
    }

    /// The replicas of the same server, and the server itself while none is healthy; of a Redis Cluster, those of each
    /// master. `None` where neither Sentinels nor a slot map name them. Connections to it are for reads alone.
    #[must_use]
    pub fn replicas(&self) -> Option<Self> {
        let choice = Some(ReplicaChoice::default());
        let (server, watch) = (self.clone(), MasterWatch::default());
        let reads =
            Self { replica_choice: choice, master_watch: watch, replica_wait: None, ..server };
        (self.has_sentinels() || self.is_cluster()).then_some(reads)
    }

    /// Whether Sentinels name the server.
    #[must_use]
    pub const fn has_sentinels(&self) -> bool {
        matches!(self.address, Address::Sentinel { .. })
    }

    /// The server as logs name it, without password.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a Redis Cluster: several servers, each of which has some of the keys.
    #[must_use]
    pub const fn is_cluster(&self) -> bool {
        matches!(self.address, Address::Cluster { .. })
    }

    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// The topology of the Redis Cluster that it is, or is a node of.
    pub(super) const fn topology(&self) -> Option<&Topology> {
        self.topology.as_ref()
    }

    /// Whether it is one node of a Redis Cluster, named by the slot map.
    pub(super) const fn is_cluster_node(&self) -> bool {
        self.topology.is_some() && !self.is_cluster()
    }

    /// Whether its connections are for reads, of replicas where there are any.
    pub(super) const fn is_for_reads(&self) -> bool {
        self.replica_choice.is_some()
    }

    /// A master of this Redis Cluster.
    pub(super) fn node(&self, address: &ConnectionAddr) -> StoreResult<Self> {
        Ok(Self { replica_choice: None, ..self.replica(address)? })
    }

    /// A replica in this Redis Cluster, to read from where this server is [for reads](Self::is_for_reads).
    pub(super) fn replica(&self, address: &ConnectionAddr) -> StoreResult<Self> {
        let failed = |error: AddressError| {
            StoreError::found(&self.name, CONNECT, ErrorClass::Other, error.to_string())
        };
        let name = address::shown(address);
        let master_watch = self.topology.as_ref().map(|topology| topology.watch_of(&name));
        Ok(Self {
            address: self.address.of_node(address.clone()).map_err(failed)?,
            name: name.into(),
            master_watch: master_watch.unwrap_or_default(),
            ..self.clone()
        })
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
            Address::Server(_) | Address::Cluster { .. } => Arc::clone(&self.name),
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
    // A type of its own: of all that connects the compiler would otherwise look into Sentinels' connections, too.
    fn resolve_address(&self) -> BoxFuture<'_, StoreResult<ConnectionAddr>> {
        Box::pin(self.find_address())
    }

    async fn find_address(&self) -> StoreResult<ConnectionAddr> {
        match &self.address {
            Address::Server(info) => Ok(info.addr().clone()),
            Address::Sentinel { master_name, sentinels, .. } => {
                let known = self.master_watch.address();
                let asked = Sentinels {
                    addresses: sentinels,
                    login: self.credentials.sentinel_login().map_err(|e| self.unusable(e))?,
                    certificates: self.certificates()?,
                    name: &self.name,
                };
                // First, also for replicas: an error where no Sentinel responds, which says nothing about them.
                let master = asked.master(master_name, &known).await?;
                let Some(choice) = &self.replica_choice else { return Ok(master) };
                let replica = asked.replica(master_name, &known).await;
                Ok(choice.record(master_name, replica).unwrap_or(master))
            }
            // Of no key: any of the nodes.
            Address::Cluster { seeds, .. } => {
                seeds.first().cloned().ok_or_else(|| self.not_resolved())
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
