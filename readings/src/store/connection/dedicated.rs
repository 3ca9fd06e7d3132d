//! A connection for one caller whose commands may block.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use redis::{Cmd, RedisConnectionInfo, Value, cmd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::cluster::Topology;
use super::master_watch::MasterLease;
use super::rejection_counter::RejectionCounter;
use super::reply::into_result;
use super::resp2::{ParseError, ParseResult, ReplyCursor};
use super::server::{RedisServer, Resolved};
use super::socket::Socket;
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

/// Free space of the buffer before each read of the socket. Too low and a batch takes many reads; too
/// high and memory is reserved without use.
const READ_BUFFER_BYTES: usize = 128 * 1024;

impl RedisServer {
    /// A connection for one caller whose commands, all of this key, may take up to `response_timeout`, which must be
    /// above the time that its longest command blocks. Of a Redis Cluster it leads to the node that has the key, and fails
    /// when another has it.
    ///
    /// # Errors
    /// When the server cannot be reached or rejects the credentials.
    pub async fn dedicated(
        &self,
        key: &str,
        response_timeout: Duration,
    ) -> StoreResult<DedicatedConnection> {
        let server = self.with_key(key).await?;
        let connecting = server.connect_raw().await;
        if let (Err(_), Some(topology)) = (&connecting, server.topology()) {
            // The node may have been replaced.
            topology.mark_stale();
        }
        let (socket, login, Resolved { name, lease, .. }) = connecting?;
        let mut connection = DedicatedConnection {
            socket,
            server: name,
            rejections: self.rejections().clone(),
            topology: self.topology().cloned(),
            buffer: BytesMut::new(),
            client_id: 0,
            lease,
            response_timeout,
            on_received: None,
        };
        connection.log_in(&login).await?;
        Ok(connection)
    }
}

/// A connection whose only caller may block on it. Dropping it is the one safe way to abandon a
/// command: the server then sees a closed connection, and delivers nothing more to it.
pub struct DedicatedConnection {
    socket: Socket,
    server: ServerName,
    rejections: RejectionCounter,
    topology: Option<Topology>,
    /// Bytes that were received and not parsed yet.
    buffer: BytesMut,
    client_id: i64,
    lease: MasterLease,
    response_timeout: Duration,
    on_received: Option<Box<dyn Fn() + Send + Sync>>,
}

impl DedicatedConnection {
    /// Calls `on_received` whenever bytes of a reply arrive: over a slow network a large reply may take any
    /// time, while each read of the socket has a time limit.
    pub(crate) fn set_on_received(&mut self, on_received: impl Fn() + Send + Sync + 'static) {
        self.on_received = Some(Box::new(on_received));
    }

    /// The server's id of this connection, for `CLIENT UNBLOCK`.
    #[must_use]
    pub const fn client_id(&self) -> i64 {
        self.client_id
    }

    /// Authenticates and selects the database. In RESP2, which a new connection speaks without `HELLO`.
    async fn log_in(&mut self, login: &RedisConnectionInfo) -> StoreResult<()> {
        if let Some(password) = login.password() {
            let mut auth = cmd("AUTH");
            auth.arg(login.username()).arg(password);
            self.call(&auth).await?;
        }
        if login.db() != 0 {
            self.call(cmd("SELECT").arg(login.db())).await?;
        }
        let id = self.call(cmd("CLIENT").arg("ID")).await?;
        let Value::Int(id) = id else { return Err(self.unexpected_reply(CONNECT)) };
        self.client_id = id;
        Ok(())
    }

    /// Sends a command whose reply is one line, and waits for that.
    async fn call(&mut self, command: &Cmd) -> StoreResult<Value> {
        self.send(CONNECT, &[command]).await?;
        let line = |cursor: &mut ReplyCursor<'_>| cursor.line().map(redis::parse_redis_value);
        let reply = self.read_reply(CONNECT, line).await?;
        into_result(&self.server, CONNECT, reply)
    }

    /// Sends commands at once; their replies arrive in this order.
    pub(crate) async fn send(
        &mut self,
        operation: &'static str,
        commands: &[&Cmd],
    ) -> StoreResult<()> {
        let packed: Vec<_> = commands.iter().map(|command| command.get_packed_command()).collect();
        let sent = self.socket.write_all(&packed.concat()).await;
        sent.map_err(|error| self.failed(operation, error))
    }

    /// Parses the next part of a reply with `parse`, and reads from the socket until it is complete.
    ///
    /// `parse` is called again from the beginning of the part for each time that more bytes arrive. So a
    /// part should be small: an entry of a list, not the list.
    ///
    /// # Errors
    /// When the reply is an error, or does not arrive in time. Bytes that arrive later belong to no
    /// command then: drop the connection.
    pub(crate) async fn read_reply<T>(
        &mut self,
        operation: &'static str,
        mut parse: impl FnMut(&mut ReplyCursor<'_>) -> ParseResult<T>,
    ) -> StoreResult<T> {
        loop {
            let mut cursor = ReplyCursor::new(&self.buffer);
            match parse(&mut cursor) {
                Ok(parsed) => {
                    // Only now: a part that turns out to be incomplete must stay in the buffer whole.
                    let rest = cursor.remaining();
                    self.buffer.advance(self.buffer.len() - rest);
                    return Ok(parsed);
                }
                // The line of the error is whole, as `parse` has seen its end.
                Err(ParseError::ServerError) => return Err(self.server_error(operation)),
                Err(ParseError::UnexpectedShape) => return Err(self.unexpected_reply(operation)),
                Err(ParseError::Incomplete) => self.fill_buffer(operation).await?,
            }
        }
    }

    /// The error that the buffer begins with.
    fn server_error(&self, operation: &'static str) -> StoreError {
        let reply = into_result(&self.server, operation, redis::parse_redis_value(&self.buffer));
        let error = reply.err().unwrap_or_else(|| self.unexpected_reply(operation));
        if let Some(topology) = self.topology.as_ref().filter(|_| error.is_redirection()) {
            topology.mark_stale();
            return error.in_class(ErrorClass::Busy);
        }
        self.rejections.record(&error);
        error
    }

    fn failed(&self, operation: &'static str, error: io::Error) -> StoreError {
        StoreError::new(&self.server, operation, error.into())
    }

    fn unexpected_reply(&self, operation: &'static str) -> StoreError {
        StoreError::unexpected_reply(&self.server, operation)
    }

    async fn fill_buffer(&mut self, operation: &'static str) -> StoreResult<()> {
        self.buffer.reserve(READ_BUFFER_BYTES);
        let reading = timeout(self.response_timeout, self.socket.read_buf(&mut self.buffer));
        let count = tokio::select! {
            count = reading => count.unwrap_or_else(|late| Err(late.into())),
            // A former master would block for the whole timeout, and deliver nothing.
            () = self.lease.superseded() => Err(aborted("the master has moved")),
        };
        match count {
            Ok(0) => Err(self.failed(operation, aborted("the server closed the connection"))),
            Ok(_) => {
                if let Some(on_received) = &self.on_received {
                    on_received();
                }
                Ok(())
            }
            Err(error) => Err(self.failed(operation, error)),
        }
    }
}

impl std::fmt::Debug for DedicatedConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DedicatedConnection")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

fn aborted(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, text)
}
