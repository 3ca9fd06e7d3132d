//! The socket beneath hyper: its timeouts, and how it is closed.
//!
//! hyper has the same timeout between two requests and for a head, responds to invalid HTTP without a body, and closes
//! a connection at once while a client still sends: the kernel then resets it and discards the response.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::client_stream::{ClientStream, TcpWithTimeout};
use super::connection_state::{ConnectionState, Phase};
use super::protocol_error::{self, ProtocolErrorResponse};

/// How long the head of a request may take from its first byte on. Too low and clients on slow links are cut off;
/// too high and stalled ones keep their connections.
pub(super) const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a client may take to begin its first request. Too low and browsers, which connect ahead, have to
/// reconnect; too high and unused connections stay open.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// The same for connections above the limit, handshake and head included. Too low and probes fail under load; too high and clients
/// that send nothing keep them waiting.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The bytes of a body that are discarded after an early response. Too low and a client that sends everything before
/// it reads never sees the response; too high and clients send in vain.
const MAX_DISCARDED_BYTES: usize = 64 * 1024 * 1024;

/// How long discarding may take. Too low and responses are lost on slow links; too high and a client that keeps
/// sending keeps its connection.
const LINGER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may send nothing meanwhile. Too low and a response is lost on a slow link; too high and an idle
/// client keeps its connection.
const LINGER_IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection's socket.
pub(super) struct ClientSocket {
    stream: ClientStream,
    state: Arc<ConnectionState>,
    keep_alive: Duration,
    /// Created on first use and seldom reset, as that is costly: it may fire too early, and is reset then.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the request line of the current head is complete.
    line_received: bool,
    error_response: Option<ProtocolErrorResponse>,
    lingering: Option<Lingering>,
}

struct Lingering {
    deadline: Instant,
    idle_since: Instant,
    discarded: usize,
}

impl ClientSocket {
    pub fn new(stream: ClientStream, state: Arc<ConnectionState>, keep_alive: Duration) -> Self {
        Self {
            stream,
            state,
            keep_alive,
            timer: None,
            line_received: false,
            error_response: None,
            lingering: None,
        }
    }

    fn stream(&mut self) -> Pin<&mut ClientStream> {
        Pin::new(&mut self.stream)
    }

    /// Waits for the first or next byte of a head. `Ok` without bytes tells hyper that the client has ended the
    /// connection.
    fn poll_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.state.phase() == Phase::Responded && !self.state.has_unread_body() {
            self.line_received = false;
            self.state.enter(Phase::Idle);
        }
        self.state.register(cx.waker());
        // A head that was too slow got its response before: only what the client still sends is left.
        if self.lingering.is_some() {
            ready!(self.poll_linger(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if self.state.is_closing() && self.state.phase().awaits_request() {
            return Poll::Ready(Ok(()));
        }
        let received = buf.filled().len();
        if self.stream().poll_read(cx, buf)?.is_ready() {
            let bytes = buf.filled().get(received..).unwrap_or_default();
            self.record_head(bytes);
            return Poll::Ready(Ok(()));
        }
        let Some(deadline) = self.head_deadline() else { return Poll::Pending };
        ready!(self.poll_deadline(cx, deadline));
        if self.state.phase() != Phase::Head {
            return Poll::Ready(Ok(()));
        }
        // Without waiting: a client this slow is not worth a buffer.
        let _ = self.stream().poll_write(cx, &protocol_error::header_timeout());
        let _ = self.stream().poll_shutdown(cx);
        ready!(self.poll_linger(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn record_head(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || !self.state.phase().awaits_request() {
            return;
        }
        self.line_received = self.line_received || bytes.contains(&b'\n');
        if self.state.phase() != Phase::Head {
            self.state.enter(Phase::Head);
        }
    }

    fn head_deadline(&self) -> Option<Instant> {
        let limit = match self.state.phase() {
            Phase::New | Phase::Idle | Phase::Head if self.state.probes_only => PROBE_TIMEOUT,
            Phase::New => FIRST_REQUEST_TIMEOUT,
            Phase::Idle => self.keep_alive,
            Phase::Head => HEADER_READ_TIMEOUT,
            Phase::Busy | Phase::Responded | Phase::Lingering => return None,
        };
        Some(self.state.since() + limit)
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
    }

    /// Sends our response in place of hyper's.
    fn poll_error_response(
        &mut self,
        cx: &mut Context<'_>,
        hypers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let line_received = self.line_received;
        let response = self
            .error_response
            .get_or_insert_with(|| ProtocolErrorResponse::replacing(hypers, line_received));
        while response.bytes.has_remaining() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &response.bytes))?;
            response.bytes.advance(written);
        }
        Poll::Ready(Ok(response.replaces))
    }

    /// Discards what the client still sends: closing before would reset the connection, and the client would lose the
    /// response.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let mut lingering = self.lingering.take().unwrap_or_else(|| {
            self.state.enter(Phase::Lingering);
            Lingering { deadline: now + LINGER_TIMEOUT, idle_since: now, discarded: 0 }
        });
        self.state.register(cx.waker());
        let mut buffer = [0; 16 * 1024];
        while lingering.discarded < MAX_DISCARDED_BYTES && !self.state.is_closing() {
            let mut buf = ReadBuf::new(&mut buffer);
            match self.stream().poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    lingering.discarded += buf.filled().len();
                    lingering.idle_since = now;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    let deadline =
                        lingering.deadline.min(lingering.idle_since + LINGER_IDLE_TIMEOUT);
                    self.lingering = Some(lingering);
                    return self.poll_deadline(cx, deadline);
                }
            }
        }
        Poll::Ready(())
    }
}

/// Closes a connection without requests, once the client has had time to read what it was sent.
pub(super) async fn close(connection: TcpWithTimeout, state: &Arc<ConnectionState>) {
    let stream = ClientStream::Plain(connection);
    let mut socket = ClientSocket::new(stream, Arc::clone(state), Duration::ZERO);
    poll_fn(|cx| {
        let _ = ready!(socket.stream().poll_shutdown(cx));
        socket.poll_linger(cx)
    })
    .await;
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.state.phase() == Phase::Busy {
            return self.stream().poll_read(cx, buf);
        }
        self.poll_head(cx, buf)
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.state.phase() != Phase::Busy && protocol_error::is_from_hyper(bufs) {
            return self.poll_error_response(cx, bufs);
        }
        self.stream().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.stream().poll_shutdown(cx))?;
        }
        if self.error_response.is_some() || self.state.has_unread_body() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
