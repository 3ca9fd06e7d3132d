//! Serves an endpoint: connections, their time limits and their end.
//!
//! The framework's own server has no limit for a request head that never ends, so the loop over
//! hyper's connections is here.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use poem::http::uri::Scheme;
use poem::http::{HeaderValue, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Response};
use signals::complaint::Complaint;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

/// How long the head of a request may take, and how long a connection may be silent between two
/// requests. Too low and clients that keep connections for a slow meter reconnect each time; too
/// high and stalled senders keep theirs.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a client may take nothing of an answer that is ready for it. Too low and clients on bad
/// links lose large answers; too high and one that has stopped reading keeps its place among the
/// large exports.
const STALL_TIMEOUT: Duration = Duration::from_secs(15);

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
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) -> io::Result<()> {
    let local = listener.local_addr()?;
    let (endpoint, ending) = (Arc::new(endpoint), Arc::new(AtomicBool::new(false)));
    let connections = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => {
                    spawn(stream, [local, remote], (&endpoint, &ending), &connections);
                },
                Err(error) => {
                    static COMPLAINT: Complaint = Complaint::new();
                    if let Some(unsaid) = COMPLAINT.note(Instant::now()) {
                        warn!(%error, unsaid, "cannot accept a connection");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    ending.store(true, Ordering::Release);
    if connections.count() > 0 {
        sleep(FAREWELL.min(grace)).await;
    }
    let open = connections.count();
    if timeout(grace, connections.shutdown()).await.is_err() {
        warn!(open, "connections were still busy and have been closed");
    }
    Ok(())
}

fn spawn<E: Endpoint<Output = Response> + 'static>(
    stream: TcpStream,
    [local, remote]: [SocketAddr; 2],
    (endpoint, ending): (&Arc<E>, &Arc<AtomicBool>),
    connections: &GracefulShutdown,
) {
    // Answers are small and must not wait for the kernel to fill a packet; Err: the peer is gone.
    let _ = stream.set_nodelay(true);
    let (endpoint, ending) = (Arc::clone(endpoint), Arc::clone(ending));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (endpoint, ending) = (Arc::clone(&endpoint), Arc::clone(&ending));
        let (local, remote) = (LocalAddr(Addr::from(local)), RemoteAddr(Addr::from(remote)));
        async move {
            let request = (request, local, remote, Scheme::HTTP).into();
            let mut response = endpoint.get_response(request).await;
            if ending.load(Ordering::Acquire) {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(hyper::Response::from(response))
        }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALL_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "a connection ended badly");
        }
    });
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use poem::endpoint::make_sync;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_head_that_never_ends_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = make_sync(|_| Response::default());
        let serving = tokio::spawn(serve(listener, endpoint, pending(), Duration::ZERO));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
        let began = Instant::now();
        let mut answer = Vec::new();
        timeout(HEAD_TIMEOUT * 2, client.read_to_end(&mut answer)).await.unwrap().unwrap();
        assert!(began.elapsed() >= HEAD_TIMEOUT / 2, "cut off after {:?}", began.elapsed());
        serving.abort();
    }
}
