//! Serves an endpoint over HTTP/1.1: connections, their limits and their shutdown.
//!
//! | module | what it owns |
//! |---|---|
//! | [`connections`] | the limit of connections, and which one is replaced by a new one |
//! | [`client_socket`] | the socket of a connection: its timeouts, and how it is closed |
//! | [`connection_state`] | the state of a connection, which the others share |
//! | [`request_head`] | checks of the head of a request |
//! | [`request_handler`] | one request and its response |
//! | [`protocol_error`] | responses to bytes that are not a valid request |
//!
//! The framework's own server has no limits, so the accept loop over hyper's connections is here.

mod client_socket;
mod connection_state;
mod connections;
mod protocol_error;
mod request_handler;
mod request_head;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use instrumentation::log_throttle::LogThrottle;
use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

pub use self::connections::{Connections, Limits};

use self::client_socket::ClientSocket;
use self::connection_state::Shutdown;
use self::connections::ConnectionSlot;
use self::request_handler::Peers;
use self::request_head::MAX_HEAD_BYTES;

/// The pause after a failed `accept`, as without free file descriptors. Too low and the loop takes a core; too high
/// and connections wait that long for nothing.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// For this long after the begin of the shutdown, responses ask clients to close their connections before idle ones
/// are closed. Too low and a request that is on its way is cut off; too high and a shutdown takes that long.
const LAME_DUCK: Duration = Duration::from_millis(100);

/// Serves until `shutdown` completes; then accepts no more connections, lets requests in progress finish within
/// `grace`, and returns.
///
/// # Errors
/// When the listener has no address: it is not a socket.
pub async fn serve(
    listener: TcpListener,
    endpoint: impl Endpoint<Output = Response> + 'static,
    connections: Connections,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) -> io::Result<()> {
    let local = listener.local_addr()?;
    let (endpoint, shutting_down) = (Arc::new(endpoint), Arc::new(Shutdown::default()));
    let graceful = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            (stream, remote, slot) = accept(&listener, &connections, &shutting_down) => {
                let peers = Peers { local, remote };
                spawn(stream, peers, &endpoint, slot, connections.keep_alive(), &graceful);
            }
            () = &mut shutdown => break,
        }
    }
    // No further connections; those that are open are asked to close, then closed when they are idle, and cut off
    // after `grace`.
    drop(listener);
    shutting_down.enter_lame_duck();
    if graceful.count() > 0 {
        sleep(LAME_DUCK.min(grace)).await;
    }
    connections.close(&shutting_down);
    let open = graceful.count();
    if timeout(grace, graceful.shutdown()).await.is_err() {
        warn!(open, "connections with requests in progress were closed");
    }
    Ok(())
}

/// The next connection with its slot. While no slot is free, further connections wait in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    connections: &Connections,
    shutdown: &Arc<Shutdown>,
) -> (TcpStream, SocketAddr, ConnectionSlot) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                return (stream, remote, connections.acquire_slot(shutdown).await);
            }
            Err(error) => {
                static THROTTLE: LogThrottle = LogThrottle::new();
                if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                    warn!(%error, suppressed, "cannot accept a connection");
                }
                sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

fn spawn<E: Endpoint<Output = Response> + 'static>(
    stream: TcpStream,
    peers: Peers,
    endpoint: &Arc<E>,
    slot: ConnectionSlot,
    keep_alive: Duration,
    graceful: &GracefulShutdown,
) {
    // Responses are small and must not wait for the kernel to fill a packet. Err: the client has disconnected.
    let _ = stream.set_nodelay(true);
    let socket = ClientSocket::new(stream, Arc::clone(&slot.state), keep_alive);
    let (endpoint, state) = (Arc::clone(endpoint), Arc::clone(&slot.state));
    let service = service_fn(move |request: Request<Incoming>| {
        let (endpoint, state) = (Arc::clone(&endpoint), Arc::clone(&state));
        state.begin_request(!request.body().is_end_stream());
        async move {
            Ok::<_, Infallible>(request_handler::handle(request, &*endpoint, peers, &state).await)
        }
    });
    // The socket has its own timeouts, which also distinguish a slow head from an idle connection.
    let connection = http1::Builder::new()
        .half_close(true)
        .max_buf_size(MAX_HEAD_BYTES)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(socket), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "a connection was aborted");
        }
        drop(slot);
    });
}

#[cfg(test)]
mod tests;
