//! The state of a connection, shared by its socket, its requests and the registry of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was received yet.
    New = 0,
    /// All responses are sent, and no byte of another request was received.
    Idle = 1,
    /// A part of the head of a request was received.
    Head = 2,
    /// A request is being handled.
    Busy = 3,
    /// The response is complete and being sent.
    Responded = 4,
    /// The response is sent; further bytes of the client are discarded.
    Lingering = 5,
}

impl Phase {
    const fn of(bits: u64) -> Self {
        match bits & Self::MASK {
            0 => Self::New,
            1 => Self::Idle,
            2 => Self::Head,
            3 => Self::Busy,
            4 => Self::Responded,
            _ => Self::Lingering,
        }
    }

    const BITS: u32 = 3;
    const MASK: u64 = (1 << Self::BITS) - 1;

    /// Whether no request is in progress, so that hyper writes only responses of its own.
    pub const fn awaits_request(self) -> bool {
        matches!(self, Self::New | Self::Idle | Self::Head)
    }

    /// How long a connection must have been in this phase before it may be replaced by another; `None` means never.
    const fn replaceable_after(self) -> Option<Duration> {
        match self {
            Self::Idle => Some(Duration::ZERO),
            Self::New | Self::Head | Self::Lingering => Some(REPLACEABLE_AFTER),
            Self::Busy | Self::Responded => None,
        }
    }
}

/// How long a connection may take to send a head before it may be replaced. Too low and under attack clients on
/// slow links never complete a request; too high and new connections, probes among them, wait that long.
const REPLACEABLE_AFTER: Duration = Duration::from_secs(1);

/// The shutdown of a server, as its connections see it.
#[derive(Debug, Default)]
pub(super) struct Shutdown {
    is_lame_duck: AtomicBool,
    is_closing: AtomicBool,
}

impl Shutdown {
    /// From now on responses ask clients to close their connections.
    pub fn enter_lame_duck(&self) {
        self.is_lame_duck.store(true, Ordering::Release);
    }

    pub fn is_lame_duck(&self) -> bool {
        self.is_lame_duck.load(Ordering::Acquire)
    }

    /// From now on connections without a request in progress are closed.
    pub fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
    }
}

/// The state of a connection.
#[derive(Debug)]
pub(super) struct ConnectionState {
    /// The phase in the lowest bits; above them its begin, in milliseconds after `time_origin`.
    phase: AtomicU64,
    time_origin: Instant,
    /// Whether the body of the current request was not read to its end.
    unread: AtomicBool,
    closing: AtomicBool,
    shutdown: Arc<Shutdown>,
    waker: AtomicWaker,
    /// Whether only probes are handled: the connection is above the limit.
    pub probes_only: bool,
}

impl ConnectionState {
    pub fn new(time_origin: Instant, shutdown: Arc<Shutdown>, probes_only: bool) -> Self {
        let state = Self {
            phase: AtomicU64::new(0),
            time_origin,
            unread: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            shutdown,
            waker: AtomicWaker::new(),
            probes_only,
        };
        state.enter(Phase::New);
        state
    }

    pub fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Relaxed))
    }

    /// The begin of its phase.
    pub fn since(&self) -> Instant {
        let since = self.phase.load(Ordering::Relaxed) >> Phase::BITS;
        self.time_origin + Duration::from_millis(since)
    }

    /// Enters a phase now.
    pub fn enter(&self, phase: Phase) {
        let since = u64::try_from(self.time_origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.phase.store(since << Phase::BITS | phase as u64, Ordering::Relaxed);
    }

    /// Enters a phase whose begin does not matter: this saves reading the clock twice per request.
    fn enter_untimed(&self, phase: Phase) {
        self.phase.store(phase as u64, Ordering::Relaxed);
    }

    /// A request begins to be handled.
    pub fn begin_request(&self, has_body: bool) {
        self.unread.store(has_body, Ordering::Relaxed);
        self.enter_untimed(Phase::Busy);
    }

    /// The body of the request was read to its end.
    pub fn end_body(&self) {
        self.unread.store(false, Ordering::Relaxed);
    }

    /// Whether the body of the request was not read to its end, so that no other request can follow it.
    pub fn has_unread_body(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// The response is complete.
    pub fn end_request(&self) {
        self.enter_untimed(Phase::Responded);
    }

    pub fn shutdown(&self) -> &Arc<Shutdown> {
        &self.shutdown
    }

    /// Registers the task that is woken when the connection is to close.
    pub fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Closes the connection as soon as no request is in progress.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether it is to close as soon as no request is in progress.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire) || self.shutdown.is_closing.load(Ordering::Acquire)
    }

    /// The begin of its phase, if it may be replaced by another connection now.
    pub fn replaceable_since(&self, now: Instant) -> Option<Instant> {
        let (after, since) = (self.phase().replaceable_after()?, self.since());
        (!self.is_closing() && since + after <= now).then_some(since)
    }
}
