//! A byte stream to the server, for replies that are parsed here and not by the client library.

use std::io;
use std::sync::Arc;

use redis::{ConnectionAddr, ConnectionInfo, TlsCertificates};
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::address;
use super::tls::client_config;

/// TCP, TLS or a Unix socket.
pub(super) trait AsyncStream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> AsyncStream for T {}

pub(super) type Socket = Box<dyn AsyncStream>;

/// Connects.
pub(super) async fn connect(
    info: &ConnectionInfo,
    certificates: &TlsCertificates,
) -> io::Result<Socket> {
    Ok(match info.addr() {
        ConnectionAddr::Tcp(host, port) => Box::new(tcp(host, *port).await?),
        ConnectionAddr::TcpTls { host, port, insecure: false, .. } => {
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            let connector = TlsConnector::from(Arc::new(client_config(certificates)?));
            Box::new(connector.connect(name, tcp(host, *port).await?).await?)
        }
        ConnectionAddr::Unix(path) => Box::new(UnixStream::connect(path).await?),
        _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "this kind of address")),
    })
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&address::keepalive())?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(address::TCP_USER_TIMEOUT))?;
    Ok(stream)
}
