//! The listening socket of a server.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
#[cfg(target_os = "linux")]
use std::time::Duration;

use anyhow::Context;
use socket2::SockRef;
use tokio::net::TcpListener;

use crate::config::{ListenHost, PortSetting};

/// Size of a connection's send buffer in the kernel, which allocates twice that for its own data. Too low:
/// large responses take more system calls. Too high: a slow client reads from a full buffer for so long
/// that the connection seems stalled, and is closed.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Data that a client does not acknowledge for this long end the connection (`TCP_USER_TIMEOUT`). Too low: clients are lost
/// in short failures of a network. Too high: one that has vanished keeps its event stream.
#[cfg(target_os = "linux")]
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Listens on a port; 0 chooses a free one.
///
/// # Errors
/// When the port is in use, or not permitted.
pub async fn listen(
    host: &ListenHost,
    default: Ipv4Addr,
    PortSetting { port, variable }: PortSetting,
) -> anyhow::Result<TcpListener> {
    let address = host.address(default.into(), port).await?;
    let listener = bind(address).await;
    let listener = listener.with_context(|| match &host.listen_host {
        Some(host) => format!("cannot listen on {address} (LISTEN_HOST {host}, {variable})"),
        None => format!("cannot listen on {address} ({variable})"),
    })?;
    // Connections inherit both.
    let socket = SockRef::from(&listener);
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT))?;
    Ok(listener)
}

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) => match without_ipv6(address, &error) {
            Some(ipv4) => TcpListener::bind(ipv4).await,
            None => Err(error),
        },
        bound => bound,
    }
}

/// The unspecified IPv4 address in place of `::` (all IPv6 and IPv4 addresses) where the kernel has no
/// IPv6: one setting fits every node of a cluster.
fn without_ipv6(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    let is_port_error = matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied);
    let is_all = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    (is_all && !is_port_error).then(|| (Ipv4Addr::UNSPECIFIED, address.port()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_those_of_ipv4_where_the_kernel_has_no_ipv6() {
        // EAFNOSUPPORT, with `ipv6.disable=1`.
        let unsupported = io::Error::from_raw_os_error(97);
        let instead =
            |address: &str, error: &io::Error| without_ipv6(address.parse().unwrap(), error);
        assert_eq!(instead("[::]:8000", &unsupported), Some("0.0.0.0:8000".parse().unwrap()));
        assert_eq!(instead("[::1]:8000", &unsupported), None);
        assert_eq!(instead("0.0.0.0:8000", &unsupported), None);
        assert_eq!(instead("[::]:8000", &ErrorKind::AddrInUse.into()), None);
        assert_eq!(instead("[::]:80", &ErrorKind::PermissionDenied.into()), None);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_accepted_connection_ends_when_its_client_has_vanished() {
        let listener = listen(
            &ListenHost { listen_host: None },
            Ipv4Addr::LOCALHOST,
            PortSetting { port: 0, variable: "" },
        );
        let listener = listener.await.unwrap();
        let connecting = tokio::net::TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, _client) = tokio::join!(listener.accept(), connecting);
        let timeout = SockRef::from(&accepted.unwrap().0).tcp_user_timeout().unwrap();
        assert_eq!(timeout, Some(TCP_USER_TIMEOUT));
    }
}
