//! The socket beneath hyper: how long it waits for what, and how it is closed.
//!
//! hyper has one limit for the time between two requests and that of a head, answers what is no HTTP
//! without a word, and closes at once where a client still sends: the kernel then resets the connection
//! and throws away the answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_io_timeout::TimeoutStream;

use super::connection_state::{Phase, State};
use super::protocol_error::{self, OwnAnswer};

/// How long a client may take nothing of an answer that is ready for it. Too low and clients on bad
/// links lose large answers; too high and one that has stopped reading keeps its place among the
/// large exports.
const STALL_TIMEOUT: Duration = Duration::from_secs(15);

/// How long the head of a request may take from its first byte on. Too low and clients on slow links
/// are cut off; too high and stalled ones keep their connections.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a client may take to begin its first request. Too low and browsers, which connect ahead,
/// connect again; too high and connections are open for nothing.
const FIRST_TIMEOUT: Duration = Duration::from_mins(1);

/// The same for connections above the limit, head included. Too low and probes are refused under load;
/// too high and clients that send nothing keep them waiting.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// After an answer that was given before the body had arrived, so many bytes of the body are dropped.
/// Too low and a client that sends all before it reads never sees the answer; too high and clients
/// send in vain.
const MAX_DROPPED: usize = 64 * 1024 * 1024;

/// How long dropping may take. Too low and answers are lost on slow links; too high and a client that
/// goes on sending keeps its connection.
const LINGER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may be silent meanwhile.
const LINGER_SILENCE: Duration = Duration::from_secs(5);

/// A connection's socket.
pub(super) struct Wire {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    state: Arc<State>,
    keep_alive: Duration,
    /// Armed late and seldom: it may ring early and is set again then.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Whether the line of the request that is being received is complete.
    line_received: bool,
    own_answer: Option<OwnAnswer>,
    lingering: Option<Lingering>,
}

struct Lingering {
    until: Instant,
    silent_since: Instant,
    dropped: usize,
}

impl Wire {
    pub fn new(stream: TcpStream, state: Arc<State>, keep_alive: Duration) -> Self {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(STALL_TIMEOUT));
        Self {
            stream: Box::pin(stream),
            state,
            keep_alive,
            alarm: None,
            line_received: false,
            own_answer: None,
            lingering: None,
        }
    }

    /// Waits for the first or next byte of a head.
    fn poll_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.state.phase() == Phase::Answered && !self.state.has_unread_body() {
            self.line_received = false;
            self.state.enter(Phase::Idle);
        }
        self.state.register(cx.waker());
        if self.lingering.is_some() {
            ready!(self.poll_linger(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if self.state.is_closing() && self.state.phase().awaits_request() {
            return Poll::Ready(Ok(())); // as if the client had ended the connection
        }
        let received = buf.filled().len();
        if self.stream.as_mut().poll_read(cx, buf)?.is_ready() {
            let bytes = buf.filled().get(received..).unwrap_or_default();
            self.note_head(bytes);
            return Poll::Ready(Ok(()));
        }
        let Some(deadline) = self.head_deadline() else { return Poll::Pending };
        ready!(self.poll_alarm(cx, deadline));
        if self.state.phase() != Phase::Head {
            return Poll::Ready(Ok(()));
        }
        // What the socket does not take now, a client that is so slow has to do without.
        let _ = self.stream.get_ref().try_write(&protocol_error::head_too_slow());
        ready!(self.stream.as_mut().poll_shutdown(cx))?;
        ready!(self.poll_linger(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn note_head(&mut self, bytes: &[u8]) {
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
            Phase::New => FIRST_TIMEOUT,
            Phase::Idle => self.keep_alive,
            Phase::Head => HEAD_TIMEOUT,
            Phase::Busy | Phase::Answered | Phase::Lingering => return None,
        };
        Some(self.state.since() + limit)
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if alarm.deadline() > at {
            alarm.as_mut().reset(at);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(at);
        }
    }

    /// Sends our answer in place of hyper's own.
    fn poll_own_answer(
        &mut self,
        cx: &mut Context<'_>,
        hypers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let line_received = self.line_received;
        let answer = self.own_answer.get_or_insert_with(|| OwnAnswer::to(hypers, line_received));
        while answer.bytes.has_remaining() {
            let written = ready!(self.stream.as_mut().poll_write(cx, &answer.bytes))?;
            answer.bytes.advance(written);
        }
        Poll::Ready(Ok(answer.replaces))
    }

    /// Drops what the client still sends, so that it gets the answer when it has sent all.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let mut lingering = self.lingering.take().unwrap_or_else(|| {
            self.state.enter(Phase::Lingering);
            Lingering { until: now + LINGER_TIMEOUT, silent_since: now, dropped: 0 }
        });
        self.state.register(cx.waker());
        let mut dropped = [0; 16 * 1024];
        while lingering.dropped < MAX_DROPPED && !self.state.is_closing() {
            let mut buf = ReadBuf::new(&mut dropped);
            match self.stream.as_mut().poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    lingering.dropped += buf.filled().len();
                    lingering.silent_since = now;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    let deadline = lingering.until.min(lingering.silent_since + LINGER_SILENCE);
                    self.lingering = Some(lingering);
                    return self.poll_alarm(cx, deadline);
                }
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.state.phase() == Phase::Busy {
            return self.stream.as_mut().poll_read(cx, buf);
        }
        self.poll_head(cx, buf)
    }
}

impl AsyncWrite for Wire {
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
        if self.state.phase() != Phase::Busy && protocol_error::is_hypers(bufs) {
            return self.poll_own_answer(cx, bufs);
        }
        self.stream.as_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.stream.as_mut().poll_shutdown(cx))?;
        }
        if self.own_answer.is_some() || self.state.has_unread_body() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
