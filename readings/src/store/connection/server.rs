//! The Redis server: where it is, and the secrets that a connection needs.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ProtocolVersion, RedisConnectionInfo};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::address::{self, Address, AddressFault};
use super::credentials::Secrets;
use super::master_watch::{Stay, Whereabouts};
use super::rejection_counter::Refusals;
use super::requirements::Requirements;
use super::sentinel;
use super::socket::{self, Socket};
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

/// How long a connection attempt may take. Too low and a busy server is never reached; too high and
/// callers wait that long for their "unavailable".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a server may take to say why it closes a connection, and how many bytes. Too low and it is
/// not understood; too high and those who wait for a connection wait longer for nothing.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(200);
const LAST_WORDS: u64 = 1_024;

/// How long it may take to find the server, where Sentinels are asked.
const FIND_TIMEOUT: Duration = Duration::from_secs(3);

/// A Redis (or Valkey) server that can be connected to.
#[derive(Debug, Clone)]
pub struct RedisServer {
    address: Address,
    name: ServerName,
    secrets: Secrets,
    whereabouts: Whereabouts,
    requirements: Arc<Requirements>,
    refusals: Refusals,
}

/// A server that was found.
pub(super) struct Found {
    client: Client,
    pub name: ServerName,
    pub stay: Stay,
}

impl RedisServer {
    /// Names a server by host and port.
    ///
    /// # Errors
    /// When host and port make no address.
    pub fn at(host: &str, port: u16) -> Result<Self, AddressFault> {
        Ok(Self::with_address(Address::of(host, port)?))
    }

    /// Names a server by URL: `redis://`, `rediss://` (TLS) or `redis+unix://`, with user, password
    /// and database; or a master by `redis+sentinel://[user:password@]host[:port],…/master[/database]`.
    ///
    /// # Errors
    /// When the URL is not one of these.
    pub fn from_url(url: &str) -> Result<Self, AddressFault> {
        Ok(Self::with_address(Address::parse(url)?))
    }

    fn with_address(address: Address) -> Self {
        if address.is_encrypted() {
            // Err means that the process has chosen a provider before, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let name = address.name().into();
        let secrets = Secrets::default();
        Self {
            address,
            name,
            secrets,
            whereabouts: Whereabouts::default(),
            requirements: Arc::default(),
            refusals: Refusals::default(),
        }
    }

    /// The same server with these secrets.
    ///
    /// # Errors
    /// When they are of no use: a file of authorities without a certificate.
    pub fn with_secrets(self, secrets: Secrets) -> Result<Self, AddressFault> {
        secrets.check()?;
        Ok(Self { secrets, ..self })
    }

    /// The same server, of which so much is required on each connection.
    #[must_use]
    pub fn requiring(self, requirements: Requirements) -> Self {
        Self { requirements: Arc::new(requirements), ..self }
    }

    /// The server as logs name it, without password.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    pub(super) const fn shared_name(&self) -> &ServerName {
        &self.name
    }

    pub(super) fn requirements(&self) -> &Requirements {
        &self.requirements
    }

    /// The user that is logged in as.
    pub(super) fn user(&self) -> &str {
        self.address.login().username().unwrap_or("default")
    }

    /// Connects; host names are looked up, Sentinels asked and secrets read each time.
    pub(super) async fn connect(
        &self,
        config: AsyncConnectionConfig,
    ) -> StoreResult<(MultiplexedConnection, Found)> {
        let found = self.locate().await?;
        let config = config.set_connection_timeout(Some(CONNECT_TIMEOUT));
        let connecting = found.client.get_multiplexed_async_connection_with_config(&config);
        match connecting.await {
            Ok(connection) => Ok((connection, found)),
            Err(error) => {
                Err(self.explain(&found, StoreError::new(&found.name, CONNECT, error)).await)
            }
        }
    }

    /// A server that refuses a connection as a whole says why and closes it; what was sent meanwhile
    /// makes the kernel forget that. So where a connection was closed, another is listened to.
    async fn explain(&self, found: &Found, error: StoreError) -> StoreError {
        if error.class != ErrorClass::Disconnected || error.was_never_connected() {
            return error;
        }
        let words = timeout(LAST_WORDS_WITHIN, self.last_words(found)).await.ok().flatten();
        words.map_or(error, |words| StoreError::new(&found.name, CONNECT, words))
    }

    async fn last_words(&self, found: &Found) -> Option<redis::RedisError> {
        let root_cert = self.root_cert().ok()?;
        let info = found.client.get_connection_info();
        let socket = socket::connect(info, root_cert.as_deref()).await.ok()?;
        let mut words = Vec::new();
        socket.take(LAST_WORDS).read_to_end(&mut words).await.ok()?;
        redis::parse_redis_value(&words).ok()?.extract_error().err()
    }

    /// Connects as [`RedisServer::connect`] does, and leaves it to the caller to log in.
    pub(super) async fn open(&self) -> StoreResult<(Socket, RedisConnectionInfo, Found)> {
        let (found, root_cert) = (self.locate().await?, self.root_cert()?);
        let info = found.client.get_connection_info();
        let connecting = timeout(CONNECT_TIMEOUT, socket::connect(info, root_cert.as_deref()));
        let connected = connecting.await.unwrap_or_else(|late| Err(late.into()));
        let failed = |error: std::io::Error| StoreError::new(&found.name, CONNECT, error.into());
        Ok((connected.map_err(failed)?, info.redis_settings().clone(), found))
    }

    async fn locate(&self) -> StoreResult<Found> {
        let address = timeout(FIND_TIMEOUT, self.find()).await.map_err(|_| self.not_found())??;
        let stay = self.whereabouts.note(address::shown(&address));
        let name = match &self.address {
            Address::Server(_) => Arc::clone(&self.name),
            Address::Master { name, .. } => {
                self.whereabouts.keep_asking(self);
                format!("{} (master {name})", address::shown(&address)).into()
            }
        };
        let client = self.client(address).map_err(|error| error.of(&name))?;
        Ok(Found { client, name, stay })
    }

    /// The address of the server, as it is found now.
    pub(super) async fn find(&self) -> StoreResult<ConnectionAddr> {
        match &self.address {
            Address::Server(info) => Ok(info.addr().clone()),
            Address::Master { name, sentinels, .. } => {
                let known = self.whereabouts.address();
                sentinel::master(name, sentinels, &self.name, &known).await
            }
        }
    }

    fn client(&self, address: ConnectionAddr) -> StoreResult<Client> {
        // RESP3: only there is a lost connection noticed while it is idle.
        let login = self.address.login().clone().set_protocol(ProtocolVersion::RESP3);
        let login = match self.secrets.password().map_err(|error| self.no_secret(error))? {
            Some(password) => login.set_password(password),
            None => login,
        };
        let client = address::client_of(address, &login, self.root_cert()?);
        client.map_err(|error| StoreError::new(&self.name, CONNECT, error))
    }

    fn root_cert(&self) -> StoreResult<Option<Vec<u8>>> {
        self.secrets.root_cert().map_err(|error| self.no_secret(error))
    }

    fn no_secret(&self, error: String) -> StoreError {
        StoreError::found(&self.name, CONNECT, ErrorClass::Denied, error)
    }

    fn not_found(&self) -> StoreError {
        let text = "no Sentinel named the master in time";
        StoreError::found(&self.name, CONNECT, ErrorClass::Timeout, text)
    }
}
