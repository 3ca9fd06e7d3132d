//! A port to serve on.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::Context;
use api::server::{self, Connections};
use poem::{Endpoint, Response};
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::config::ListenHost;
use crate::console;

/// How much of an answer the kernel may hold for a client, on each connection (it takes twice that, for
/// what it needs itself). Too low and large answers take more turns; too high and a slow client takes so
/// long over what is there that it seems to take nothing, and is cut off.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Listens on a port; 0 picks a free one.
///
/// # Errors
/// When the port is taken or may not be used.
pub async fn listen(
    host: &ListenHost,
    standard: Ipv4Addr,
    port: u16,
    variable: &str,
) -> anyhow::Result<TcpListener> {
    let address = host.address(standard.into(), port).await?;
    let listener = bind(address).await;
    let listener = listener.with_context(|| match &host.listen_host {
        Some(host) => format!("cannot listen on {address} (LISTEN_HOST {host}, {variable})"),
        None => format!("cannot listen on {address} ({variable})"),
    })?;
    // Connections inherit it.
    SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER_BYTES)?;
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

/// All addresses of IPv4, where all were wanted (`::` is those of IPv6 and IPv4) and the kernel has no
/// IPv6: the same setting does for every node of a cluster.
fn without_ipv6(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    let is_of_the_port = matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied);
    let is_all = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    (is_all && !is_of_the_port).then(|| (Ipv4Addr::UNSPECIFIED, address.port()).into())
}

/// Says where a role listens, and serves it until the token is cancelled; requests under way then
/// have `grace` to end.
///
/// # Errors
/// When the listener is no socket.
pub async fn announce_and_serve(
    role: &str,
    listener: TcpListener,
    endpoint: impl Endpoint<Output = Response> + 'static,
    connections: Connections,
    ending: CancellationToken,
    grace: Duration,
) -> anyhow::Result<()> {
    console::say(format_args!("{role} listens on http://{}", listener.local_addr()?));
    serve(listener, endpoint, connections, ending, grace).await
}

/// Serves until the token is cancelled; requests under way then have `grace` to end.
///
/// # Errors
/// When the listener is no socket.
pub async fn serve(
    listener: TcpListener,
    endpoint: impl Endpoint<Output = Response> + 'static,
    connections: Connections,
    ending: CancellationToken,
    grace: Duration,
) -> anyhow::Result<()> {
    Ok(server::serve(listener, endpoint, connections, ending.cancelled_owned(), grace).await?)
}

/// The same port for a thread with a runtime of its own.
///
/// # Errors
/// When there are no more file descriptors.
pub fn share(listener: &TcpListener, with: &Handle) -> anyhow::Result<TcpListener> {
    let same = listener.as_fd().try_clone_to_owned()?;
    let _within = with.enter();
    Ok(TcpListener::from_std(same.into())?)
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
}
