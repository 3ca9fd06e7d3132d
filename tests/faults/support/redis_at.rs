//! A connection to the Redis at a port, for checks from outside.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisError, RedisResult};

/// Bound on connecting and on a reply. Lower: a busy machine fails a test.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The Redis at a port; connects on demand.
#[derive(Debug, Clone)]
pub struct RedisAt {
    port: u16,
    connection: Option<MultiplexedConnection>,
}

impl RedisAt {
    pub const fn port(port: u16) -> Self {
        Self { port, connection: None }
    }

    /// Runs a command whose arguments are separated by spaces.
    pub async fn run<T: FromRedisValue>(&mut self, command: &str) -> T {
        self.try_run(command).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    pub async fn try_run<T: FromRedisValue>(&mut self, command: &str) -> RedisResult<T> {
        let mut built = Cmd::new();
        command.split(' ').for_each(|word| {
            built.arg(word);
        });
        self.query(&built).await
    }

    /// Runs a command.
    pub async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        let mut connection = self.connection().await?;
        let result = command.query_async(&mut connection).await;
        if let Err(error) = &result {
            self.forget_if_broken(error);
        }
        result
    }

    /// Reconnects the next time if this error closed the connection.
    pub fn forget_if_broken(&mut self, error: &RedisError) {
        if error.is_io_error() || error.is_unrecoverable_error() {
            self.connection = None;
        }
    }

    /// A connection, for pipelines.
    pub async fn connection(&mut self) -> RedisResult<MultiplexedConnection> {
        if self.connection.is_none() {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(TIMEOUT))
                .set_response_timeout(Some(TIMEOUT));
            let client = redis::Client::open(("127.0.0.1", self.port))?;
            let made = client.get_multiplexed_async_connection_with_config(&config).await?;
            self.connection = Some(made);
        }
        Ok(self.connection.clone().unwrap())
    }
}
