//! Serves an endpoint over HTTP/1.1, with or without TLS: connections, their limits and their shutdown.
//!
//! | module | what it owns |
//! |---|---|
//! | [`connections`] | the limit of connections, and which one is replaced by a new one |
//! | [`tls`] | certificates from files, and the handshake |
//! | [`transport`] | what carries the requests of a connection |
//! | [`client_stream`] | the bytes of a connection, with or without TLS |
//! | [`client_socket`] | the socket beneath hyper: its timeouts, and how it is closed |
//! | [`connection_state`] | the state of a connection, which the others share |
//! | [`request_head`] | checks of the head of a request |
//! | [`request_handler`] | one request and its response |
//! | [`protocol_error`] | responses to bytes that are not a valid request |
//!
//! The framework's own server has no limits, so the accept loop over hyper's connections is here.

mod client_socket;
mod client_stream;
mod connection_state;
mod connections;
mod protocol_error;
mod request_handler;
mod request_head;
mod tls;
mod transport;

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
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use instrumentation::log_throttle::LogThrottle;
use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

pub use self::connections::{Connections, Limits};
pub use self::tls::{Tls, TlsFileError, TlsFiles};

use self::client_socket::ClientSocket;
use self::client_stream::{ClientStream, with_timeout};
use self::connection_state::Shutdown;
use self::connections::ConnectionSlot;
use self::request_handler::Peers;
use self::request_head::MAX_HEAD_BYTES;
use self::transport::Transport;

/// The pause after a failed `accept`, as without free file descriptors. Too low and the loop takes a core; too high
/// and connections wait that long for nothing.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// For this long after the begin of the shutdown, responses ask clients to close their connections before idle ones
/// are closed. Too low and a request that is on its way is cut off; too high and a shutdown takes that long.
const LAME_DUCK: Duration = Duration::from_millis(100);

/// Serves, over TLS if it is given, until `shutdown` completes; then accepts no more connections, lets requests in progress finish within
/// `grace`, and returns.
///
/// # Errors
/// When the listener has no address: it is not a socket.
pub async fn serve(
    listener: TcpListener,
    endpoint: impl Endpoint<Output = Response> + 'static,
    connections: Connections,
    tls: Option<Tls>,
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
                let server = Server { local, endpoint: Arc::clone(&endpoint), keep_alive: connections.keep_alive() };
                spawn(server, stream, remote, slot, tls.clone(), graceful.watcher());
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

/// What the connections of a server have in common.
struct Server<E> {
    local: SocketAddr,
    endpoint: Arc<E>,
    keep_alive: Duration,
}

fn spawn<E: Endpoint<Output = Response> + 'static>(
    server: Server<E>,
    stream: TcpStream,
    remote: SocketAddr,
    slot: ConnectionSlot,
    tls: Option<Tls>,
    watcher: Watcher,
) {
    // Responses are small and must not wait for the kernel to fill a packet. Err: the client has disconnected.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        let stream = ClientStream::Plain(with_timeout(stream));
        tokio::spawn(server.serve(stream, remote, Transport::Plain, slot, watcher));
        return;
    };
    tokio::spawn(async move {
        let accepting = Box::pin(tls::accept(stream, remote, &tls, &slot.state));
        if let Some((stream, transport)) = accepting.await {
            server.serve(stream, remote, transport, slot, watcher).await;
        }
    });
}

impl<E: Endpoint<Output = Response> + 'static> Server<E> {
    /// Serves the requests of a connection.
    fn serve(
        self,
        stream: ClientStream,
        remote: SocketAddr,
        transport: Transport,
        slot: ConnectionSlot,
        watcher: Watcher,
    ) -> impl Future<Output = ()> + Send {
        let socket = ClientSocket::new(stream, Arc::clone(&slot.state), self.keep_alive);
        let (endpoint, state) = (self.endpoint, Arc::clone(&slot.state));
        let peers = Peers { local: self.local, remote, transport };
        let service = service_fn(move |request: Request<Incoming>| {
            let (endpoint, peers) = (Arc::clone(&endpoint), peers.clone());
            let state = Arc::clone(&state);
            state.begin_request(!request.body().is_end_stream());
            async move {
                Ok::<_, Infallible>(
                    request_handler::handle(request, &*endpoint, &peers, &state).await,
                )
            }
        });
        // The socket has its own timeouts, which also distinguish a slow head from an idle connection.
        let connection = http1::Builder::new()
            .half_close(true)
            .max_buf_size(MAX_HEAD_BYTES)
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(socket), service);
        let connection = watcher.watch(connection);
        async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection was aborted");
            }
            drop(slot);
        }
    }
}

#[cfg(test)]
mod tests;
