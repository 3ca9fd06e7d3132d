//! A connection for one caller whose commands may block.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, Value};

use super::connection::answer;
use super::error::{StoreError, StoreResult};
use super::server::{RedisServer, connect_error};
use super::whereabouts::Stay;

impl RedisServer {
    /// A connection for one caller whose commands may take up to `response_timeout`, which must be
    /// above the time that its longest command blocks.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the credentials.
    pub async fn dedicated(&self, response_timeout: Duration) -> StoreResult<DedicatedConnection> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(response_timeout));
        let (mut connection, stay) = self.connect(config).await?;
        let client_id = redis::cmd("CLIENT").arg("ID").query_async(&mut connection).await;
        let client_id = client_id.map_err(connect_error)?;
        Ok(DedicatedConnection { connection, client_id, stay })
    }
}

/// A connection whose only caller may block on it. Dropping it is the one safe way to give up a
/// command: the server then sees that nobody is there and delivers nothing more to it.
#[derive(Debug)]
pub struct DedicatedConnection {
    connection: MultiplexedConnection,
    client_id: i64,
    stay: Stay,
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
        tokio::select! {
            reply = self.connection.req_packed_command(command) => answer(operation, reply),
            () = self.stay.over() => Err(moved(operation)),
        }
    }
}

fn moved(operation: &'static str) -> StoreError {
    let text = "the master has moved";
    let error = std::io::Error::new(std::io::ErrorKind::ConnectionAborted, text);
    StoreError::new(operation, error.into())
}
