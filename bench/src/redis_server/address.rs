//! Where the servers of a run are, and connections to them.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

/// The address that all processes listen on.
pub const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Timeout of a command. Too low: seeding fails on a slow machine. Too high: a hanging server is detected late.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// A free port.
///
/// # Errors
/// When all ports are in use.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((HOST, 0))?.local_addr()?.port())
}

/// A connection for commands that the crate `readings` does not offer.
///
/// # Errors
/// When the server cannot be reached.
pub async fn connect(port: u16) -> anyhow::Result<MultiplexedConnection> {
    let client = redis::Client::open((HOST.to_string(), port))?;
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
    Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
}
