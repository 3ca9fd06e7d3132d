//! The kinds of connection to Redis, and why there are several.
//!
//! - [`SharedConnection`]: many callers, one socket, answers in seconds at most. Each use that must
//!   not wait for another (writes, queries, ingestion) opens one of its own.
//! - [`DedicatedConnection`]: one caller, one command at a time, which may block. A blocking command
//!   on a shared socket would hold up everybody behind it, and one whose answer is given up while
//!   the server still works on it would be delivered entries that nobody reads.

use std::time::Duration;

use redis::aio::{
    ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection,
};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, Value,
};

use super::error::{StoreError, StoreResult};

/// How long a connection attempt may take. Too low and a busy server is never reached; too high and
/// callers wait that long for their "unavailable".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a command on a shared connection may take. Too low and a slow disk looks like an outage;
/// too high and a hung server holds every request that long.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// After this silence the kernel probes the peer, and after as long again without an answer the
/// connection is dropped: how soon a vanished host is noticed on an idle connection.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// A Redis (or Valkey) server that can be connected to.
#[derive(Debug, Clone)]
pub struct RedisServer {
    client: redis::Client,
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

    fn open(address: impl IntoConnectionInfo) -> StoreResult<Self> {
        let failed = |error| StoreError::new("connect", error);
        let info = address.into_connection_info().map_err(failed)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            // Err means that the process has chosen a provider before, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        // RESP3: only there does the connection manager notice a lost server while idle.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let info = info.set_tcp_settings(tcp).set_redis_settings(redis);
        Ok(Self { client: redis::Client::open(info).map_err(failed)? })
    }

    /// A connection for many callers. It is made when first used, and made anew when it is lost.
    ///
    /// # Errors
    /// When the client library refuses its settings.
    pub fn shared(&self) -> StoreResult<SharedConnection> {
        // No retries inside: the second caller during an outage would wait seconds for the first.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let manager = ConnectionManager::new_lazy_with_config(self.client.clone(), config)
            .map_err(|error| StoreError::new("connect", error))?;
        Ok(SharedConnection(manager))
    }

    /// A connection for one caller whose commands may take up to `response_timeout`, which must be
    /// above the time that its longest command blocks.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the credentials.
    pub async fn dedicated(&self, response_timeout: Duration) -> StoreResult<DedicatedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(response_timeout));
        let failed = |error| StoreError::new("connect", error);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(failed)?;
        let client_id = redis::cmd("CLIENT").arg("ID").query_async(&mut connection).await;
        Ok(DedicatedConnection { connection, client_id: client_id.map_err(failed)? })
    }
}

/// A connection that many callers use at once; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct SharedConnection(ConnectionManager);

impl SharedConnection {
    /// Whether the server answers at all.
    ///
    /// # Errors
    /// When it cannot be reached, is loading, or cannot write to its disk.
    pub async fn ping(&self) -> StoreResult<()> {
        self.send("PING", &redis::cmd("PING")).await.map(drop)
    }

    pub(super) async fn send(&self, operation: &'static str, command: &Cmd) -> StoreResult<Value> {
        let mut manager = self.0.clone();
        answer(operation, manager.req_packed_command(command).await)
    }

    pub(super) async fn send_all(
        &self,
        operation: &'static str,
        pipeline: &redis::Pipeline,
    ) -> StoreResult<Value> {
        let mut manager = self.0.clone();
        answer(operation, pipeline.query_async(&mut manager).await)
    }

    pub(super) fn manager(&self) -> ConnectionManager {
        self.0.clone()
    }
}

/// A connection whose only caller may block on it. Dropping it is the one safe way to give up a
/// command: the server then sees that nobody is there and delivers nothing more to it.
#[derive(Debug)]
pub struct DedicatedConnection {
    connection: MultiplexedConnection,
    client_id: i64,
}

impl DedicatedConnection {
    /// The server's number for this connection, for `CLIENT UNBLOCK`.
    #[must_use]
    pub const fn client_id(&self) -> i64 {
        self.client_id
    }

    pub(super) async fn send(
        &mut self,
        operation: &'static str,
        command: &Cmd,
    ) -> StoreResult<Value> {
        answer(operation, self.connection.req_packed_command(command).await)
    }
}

fn answer(operation: &'static str, result: redis::RedisResult<Value>) -> StoreResult<Value> {
    result.and_then(Value::extract_error).map_err(|error| StoreError::new(operation, error))
}
