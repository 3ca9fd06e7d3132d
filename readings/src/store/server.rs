//! The Redis server: its address, and the secrets that a connection needs.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    ProtocolVersion, TlsCertificates,
};

use super::error::{StoreError, StoreResult};

/// How long a connection attempt may take. Too low and a busy server is never reached; too high and
/// callers wait that long for their "unavailable".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// After this silence the kernel probes the peer, and after as long again without an answer the
/// connection is dropped: how soon a vanished host is noticed on an idle connection.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Data that the peer does not acknowledge for this long end the connection (`TCP_USER_TIMEOUT`).
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// A Redis (or Valkey) server that can be connected to.
#[derive(Debug, Clone)]
pub struct RedisServer {
    info: ConnectionInfo,
    secrets: Secrets,
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
        Self::open(ConnectionAddr::Tcp(host.to_owned(), port))
    }

    /// Names a server by URL: `redis://`, `rediss://` (TLS) or `redis+unix://`, with user, password
    /// and database.
    ///
    /// # Errors
    /// When the URL is not one of these.
    pub fn from_url(url: &str) -> StoreResult<Self> {
        Self::open(url)
    }

    /// The same server with these secrets.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    fn open(address: impl IntoConnectionInfo) -> StoreResult<Self> {
        let info = address.into_connection_info().map_err(connect_error)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            // Err means that the process has chosen a provider before, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(UNACKNOWLEDGED);
        // RESP3: only there is a lost connection noticed while it is idle.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let info = info.set_tcp_settings(tcp).set_redis_settings(redis);
        Ok(Self { info, secrets: Secrets::default() })
    }

    /// Connects; host names are looked up and secrets read each time.
    pub(super) async fn connect(
        &self,
        config: AsyncConnectionConfig,
    ) -> StoreResult<MultiplexedConnection> {
        let client = self.client()?;
        let config = config.set_connection_timeout(Some(CONNECT_TIMEOUT));
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        connecting.await.map_err(connect_error)
    }

    fn client(&self) -> StoreResult<Client> {
        let mut redis = self.info.redis_settings().clone();
        match &self.secrets.password {
            Password::OfUrl => {}
            Password::Given(password) => redis = redis.set_password(password),
            Password::InFile(path) => redis = redis.set_password(read(path)?.trim_end()),
        }
        let info = self.info.clone().set_redis_settings(redis);
        let client = match &self.secrets.tls_ca_file {
            None => Client::open(info),
            Some(path) => {
                let root_cert = Some(read(path)?.into_bytes());
                Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
            }
        };
        client.map_err(connect_error)
    }
}

fn read(path: &PathBuf) -> StoreResult<String> {
    fs::read_to_string(path).map_err(|error| {
        let error = std::io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        StoreError::new("read secret", error.into())
    })
}

pub(super) fn connect_error(error: redis::RedisError) -> StoreError {
    StoreError::new("connect", error)
}
