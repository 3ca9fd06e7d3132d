//! Connects to the broker by TCP, or by TLS over it.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::SessionError;
use super::tls::client_config;
use crate::address::BrokerAddress;
use crate::config::TlsFiles;

/// A connection, encrypted or not.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// Opens a connection. The files are read each time, so that certificates can be renewed.
pub(super) async fn open(
    address: &BrokerAddress,
    files: &TlsFiles,
) -> Result<Box<dyn Socket>, SessionError> {
    let config = if address.is_tls() { Some(client_config(files)?) } else { None };
    let stream = TcpStream::connect((address.host(), address.port())).await?;
    stream.set_nodelay(true)?;
    let Some(config) = config else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(address.host().to_owned())
        .map_err(|error| SessionError::File(format!("the broker has no name: {error}")))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(Box::new(stream))
}
