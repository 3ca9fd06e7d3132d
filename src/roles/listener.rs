//! A port to serve on.

use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::Context;
use api::server;
use poem::{Endpoint, Response};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::config::ListenHost;
use crate::console;

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
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| match &host.listen_host {
        Some(host) => format!("cannot listen on {address} (LISTEN_HOST {host}, {variable})"),
        None => format!("cannot listen on {address} ({variable})"),
    })
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
    ending: CancellationToken,
    grace: Duration,
) -> anyhow::Result<()> {
    console::say(format_args!("{role} listens on http://{}", listener.local_addr()?));
    serve(listener, endpoint, ending, grace).await
}

/// Serves until the token is cancelled; requests under way then have `grace` to end.
///
/// # Errors
/// When the listener is no socket.
pub async fn serve(
    listener: TcpListener,
    endpoint: impl Endpoint<Output = Response> + 'static,
    ending: CancellationToken,
    grace: Duration,
) -> anyhow::Result<()> {
    Ok(server::serve(listener, endpoint, ending.cancelled_owned(), grace).await?)
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
