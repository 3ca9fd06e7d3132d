//! The Redis server: where it is, and the secrets that a connection needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisConnectionInfo};
use tokio::time::timeout;

use super::address::Address;
use super::error::{CONNECT, StoreError, StoreResult};
use super::socket::{self, Socket};
use super::whereabouts::{Stay, Whereabouts};

/// How long a connection attempt may take. Too low and a busy server is never reached; too high and
/// callers wait that long for their "unavailable".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long it may take to find the server, where Sentinels are asked.
const FIND_TIMEOUT: Duration = Duration::from_secs(3);

/// A Redis (or Valkey) server that can be connected to.
#[derive(Debug, Clone)]
pub struct RedisServer {
    address: Address,
    secrets: Secrets,
    whereabouts: Whereabouts,
}

/// What is needed besides the address.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// The password; instead of the one in the URL.
    pub password: Password,
    /// A PEM file with the certificates that sign the server's; else the system's are trusted.
    pub tls_ca_file: Option<PathBuf>,
}

/// Where the password comes from.
#[derive(Clone, Default)]
pub enum Password {
    /// From the URL, if it has one.
    #[default]
    OfUrl,
    /// As it was given.
    Given(String),
    /// From a file, read anew for each connection, so that it can be changed while we run.
    InFile(PathBuf),
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OfUrl => f.write_str("OfUrl"),
            Self::Given(_) => f.write_str("Given(…)"),
            Self::InFile(path) => f.debug_tuple("InFile").field(path).finish(),
        }
    }
}

impl RedisServer {
    /// Names a server by host and port.
    ///
    /// # Errors
    /// When host and port make no address.
    pub fn at(host: &str, port: u16) -> StoreResult<Self> {
        Ok(Self::with_address(Address::of(host, port)?))
    }

    /// Names a server by URL: `redis://`, `rediss://` (TLS) or `redis+unix://`, with user, password
    /// and database; or a master by `redis+sentinel://[user:password@]host[:port],…/master[/database]`.
    ///
    /// # Errors
    /// When the URL is not one of these.
    pub fn from_url(url: &str) -> StoreResult<Self> {
        Ok(Self::with_address(Address::parse(url)?))
    }

    fn with_address(address: Address) -> Self {
        if address.is_encrypted() {
            // Err means that the process has chosen a provider before, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Self { address, secrets: Secrets::default(), whereabouts: Whereabouts::default() }
    }

    /// The same server with these secrets.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// Connects; host names are looked up, Sentinels asked and secrets read each time.
    pub(super) async fn connect(
        &self,
        config: AsyncConnectionConfig,
    ) -> StoreResult<(MultiplexedConnection, Stay)> {
        let (client, stay) = self.locate().await?;
        let config = config.set_connection_timeout(Some(CONNECT_TIMEOUT));
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        Ok((connecting.await.map_err(connect_error)?, stay))
    }

    /// Connects as [`RedisServer::connect`] does, and leaves it to the caller to log in.
    pub(super) async fn open(&self) -> StoreResult<(Socket, RedisConnectionInfo, Stay)> {
        let (client, stay) = self.locate().await?;
        let (info, root_cert) = (client.get_connection_info(), self.root_cert()?);
        let connecting = timeout(CONNECT_TIMEOUT, socket::connect(info, root_cert.as_deref()));
        let connected = connecting.await.unwrap_or_else(|late| Err(late.into()));
        let socket = connected.map_err(|error| connect_error(error.into()))?;
        Ok((socket, info.redis_settings().clone(), stay))
    }

    async fn locate(&self) -> StoreResult<(Client, Stay)> {
        let client = timeout(FIND_TIMEOUT, self.client()).await.map_err(|_| not_found())??;
        let stay = self.whereabouts.note(address_of(&client));
        if self.address.may_move() {
            self.whereabouts.keep_asking(self);
        }
        Ok((client, stay))
    }

    /// The address of the server, as it is found now.
    pub(super) async fn find(&self) -> StoreResult<String> {
        self.client().await.map(|client| address_of(&client))
    }

    async fn client(&self) -> StoreResult<Client> {
        let password = self.password()?;
        let login = |info: RedisConnectionInfo| match password {
            Some(password) => info.set_password(password),
            None => info,
        };
        self.address.client(login, self.root_cert()?).await
    }

    fn root_cert(&self) -> StoreResult<Option<Vec<u8>>> {
        let root_cert = self.secrets.tls_ca_file.as_deref().map(read).transpose()?;
        Ok(root_cert.map(String::into_bytes))
    }

    fn password(&self) -> StoreResult<Option<String>> {
        Ok(match &self.secrets.password {
            Password::OfUrl => None,
            Password::Given(password) => Some(password.clone()),
            Password::InFile(path) => Some(read(path)?.trim_end().to_owned()),
        })
    }
}

fn read(path: &Path) -> StoreResult<String> {
    fs::read_to_string(path).map_err(|error| {
        let error = std::io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        StoreError::new("read secret", error.into())
    })
}

fn address_of(client: &Client) -> String {
    client.get_connection_info().addr().to_string()
}

fn not_found() -> StoreError {
    let text = "no Sentinel named the master in time";
    connect_error(std::io::Error::new(std::io::ErrorKind::TimedOut, text).into())
}

pub(super) fn connect_error(error: redis::RedisError) -> StoreError {
    StoreError::new(CONNECT, error)
}
