//! Serves an endpoint: connections, their limits and their end.
//!
//! | module | what it owns |
//! |---|---|
//! | [`connections`] | how many there may be, and which one is closed for another |
//! | [`client_socket`] | a connection's socket: how long it waits for what, and how it is closed |
//! | [`connection_state`] | what a connection is doing |
//! | [`request_head`] | what is asked of a request's head |
//! | [`request_handler`] | a request and its answer |
//! | [`protocol_error`] | answers to what is no request |
//!
//! The framework's own server has no limits, so the loop over hyper's connections is here.

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
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

pub use self::connections::{Connections, Limits};

use self::client_socket::Wire;
use self::connection_state::Ending;
use self::connections::Place;
use self::request_head::MAX_HEAD_BYTES;

/// The pause when no connection can be accepted, as when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// For this long after the end has begun, answers ask clients to close their connections, before idle
/// ones are closed: else a request that is on its way then would be cut off. Too high and ending
/// takes that long for nothing.
const FAREWELL: Duration = Duration::from_millis(100);

/// Serves until `shutdown` ends; then takes no more connections, lets requests under way finish
/// within `grace`, and returns.
///
/// # Errors
/// When the listener has no address: it is no socket.
pub async fn serve(
    listener: TcpListener,
    endpoint: impl Endpoint<Output = Response> + 'static,
    connections: Connections,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) -> io::Result<()> {
    let local = listener.local_addr()?;
    let (endpoint, ending) = (Arc::new(endpoint), Arc::new(Ending::default()));
    let graceful = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            (stream, remote, place) = accept(&listener, &connections, &ending) => {
                spawn(stream, [local, remote], &endpoint, (place, &connections), &graceful);
            }
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    ending.announce();
    if graceful.count() > 0 {
        sleep(FAREWELL.min(grace)).await;
    }
    connections.end(&ending);
    let open = graceful.count();
    if timeout(grace, graceful.shutdown()).await.is_err() {
        warn!(open, "connections were still busy and have been closed");
    }
    Ok(())
}

/// The next connection, and its place among those that may be open. While there is none, further
/// connections wait in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    connections: &Connections,
    server: &Arc<Ending>,
) -> (TcpStream, SocketAddr, Place) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => return (stream, remote, connections.place(server).await),
            Err(error) => {
                static THROTTLE: LogThrottle = LogThrottle::new();
                if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                    warn!(%error, suppressed, "cannot accept a connection");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn spawn<E: Endpoint<Output = Response> + 'static>(
    stream: TcpStream,
    [local, remote]: [SocketAddr; 2],
    endpoint: &Arc<E>,
    (place, connections): (Place, &Connections),
    graceful: &GracefulShutdown,
) {
    // Answers are small and must not wait for the kernel to fill a packet; Err: the peer is gone.
    let _ = stream.set_nodelay(true);
    let wire = Wire::new(stream, Arc::clone(&place.state), connections.keep_alive());
    let (endpoint, state) = (Arc::clone(endpoint), Arc::clone(&place.state));
    let service = service_fn(move |request: Request<Incoming>| {
        let (endpoint, state) = (Arc::clone(&endpoint), Arc::clone(&state));
        let peers = (LocalAddr(Addr::from(local)), RemoteAddr(Addr::from(remote)));
        state.begin_request(!request.body().is_end_stream());
        async move {
            Ok::<_, Infallible>(request_handler::answer(request, &*endpoint, peers, &state).await)
        }
    });
    let connection = http1::Builder::new()
        .half_close(true)
        .max_buf_size(MAX_HEAD_BYTES)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(wire), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "a connection ended badly");
        }
        drop(place);
    });
}

#[cfg(test)]
mod tests;
