//! A connection for one caller whose commands may block.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use redis::{Cmd, RedisConnectionInfo, Value, cmd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::master_watch::Stay;
use super::rejection_counter::Refusals;
use super::resp2::{Halt, Received, Taken};
use super::server::{Found, RedisServer};
use super::shared::answer;
use super::socket::Socket;
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};

/// Room for what arrives at once. Too low and a batch takes many reads of the socket; too high and
/// memory lies idle.
const RECEIVE: usize = 128 * 1024;

impl RedisServer {
    /// A connection for one caller whose commands may take up to `response_timeout`, which must be
    /// above the time that its longest command blocks.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the credentials.
    pub async fn dedicated(&self, response_timeout: Duration) -> StoreResult<DedicatedConnection> {
        let (socket, login, Found { name, stay, .. }) = self.open().await?;
        let mut connection = DedicatedConnection {
            socket,
            server: name,
            refusals: self.refusals().clone(),
            received: BytesMut::new(),
            client_id: 0,
            stay,
            response_timeout,
        };
        connection.log_in(&login).await?;
        Ok(connection)
    }
}

/// A connection whose only caller may block on it. Dropping it is the one safe way to give up a
/// command: the server then sees that nobody is there and delivers nothing more to it.
pub struct DedicatedConnection {
    socket: Socket,
    server: ServerName,
    refusals: Refusals,
    received: BytesMut,
    client_id: i64,
    stay: Stay,
    response_timeout: Duration,
}

impl DedicatedConnection {
    /// The server's number for this connection, for `CLIENT UNBLOCK`.
    #[must_use]
    pub const fn client_id(&self) -> i64 {
        self.client_id
    }

    /// Says who we are, in RESP2: `HELLO` is not needed for it.
    async fn log_in(&mut self, login: &RedisConnectionInfo) -> StoreResult<()> {
        if let Some(password) = login.password() {
            let mut auth = cmd("AUTH");
            auth.arg(login.username()).arg(password);
            self.exchange(&auth).await?;
        }
        if login.db() != 0 {
            self.exchange(cmd("SELECT").arg(login.db())).await?;
        }
        let id = self.exchange(cmd("CLIENT").arg("ID")).await?;
        let Value::Int(id) = id else { return Err(self.unexpected_reply(CONNECT)) };
        self.client_id = id;
        Ok(())
    }

    /// Sends a command whose reply is a line.
    async fn exchange(&mut self, command: &Cmd) -> StoreResult<Value> {
        self.send(CONNECT, &[command]).await?;
        let line = |received: &mut Received<'_>| received.line().map(redis::parse_redis_value);
        let reply = self.receive(CONNECT, line).await?;
        answer(&self.server, CONNECT, reply)
    }

    /// Sends commands at once; their replies come in this order.
    pub(crate) async fn send(
        &mut self,
        operation: &'static str,
        commands: &[&Cmd],
    ) -> StoreResult<()> {
        let packed: Vec<_> = commands.iter().map(|command| command.get_packed_command()).collect();
        let sent = self.socket.write_all(&packed.concat()).await;
        sent.map_err(|error| self.failed(operation, error))
    }

    /// Takes the next part of the reply, as soon as it has arrived.
    ///
    /// # Errors
    /// When it is an error, or does not come in time. What comes later belongs to no command then.
    pub(crate) async fn receive<T>(
        &mut self,
        operation: &'static str,
        mut take: impl FnMut(&mut Received<'_>) -> Taken<T>,
    ) -> StoreResult<T> {
        loop {
            let mut received = Received::new(&self.received);
            match take(&mut received) {
                Ok(taken) => {
                    let left = received.left();
                    self.received.advance(self.received.len() - left);
                    return Ok(taken);
                }
                Err(Halt::Refused) => return Err(self.refusal(operation)),
                Err(Halt::Unexpected) => return Err(self.unexpected_reply(operation)),
                Err(Halt::Incomplete) => self.receive_more(operation).await?,
            }
        }
    }

    fn refusal(&self, operation: &'static str) -> StoreError {
        let refused = answer(&self.server, operation, redis::parse_redis_value(&self.received));
        let error = refused.err().unwrap_or_else(|| self.unexpected_reply(operation));
        self.refusals.note(&error);
        error
    }

    fn failed(&self, operation: &'static str, error: io::Error) -> StoreError {
        StoreError::new(&self.server, operation, error.into())
    }

    fn unexpected_reply(&self, operation: &'static str) -> StoreError {
        StoreError::unexpected_reply(&self.server, operation)
    }

    async fn receive_more(&mut self, operation: &'static str) -> StoreResult<()> {
        self.received.reserve(RECEIVE);
        let more = self.socket.read_buf(&mut self.received);
        let count = tokio::select! {
            count = timeout(self.response_timeout, more) => count.unwrap_or_else(|late| Err(late.into())),
            () = self.stay.over() => Err(ended("the master has moved")),
        };
        match count {
            Ok(0) => Err(self.failed(operation, ended("the server closed the connection"))),
            Ok(_) => Ok(()),
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

fn ended(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, text)
}
