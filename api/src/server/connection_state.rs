//! What a connection is doing, as its socket, its requests and the registry of connections see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has been received yet.
    New = 0,
    /// All requests are answered, and no byte of another has been received.
    Idle = 1,
    /// A part of a request's head has been received.
    Head = 2,
    /// A request is being answered.
    Busy = 3,
    /// The answer is complete, and being sent.
    Answered = 4,
    /// The answer is sent; what the client still sends is dropped.
    Lingering = 5,
}

impl Phase {
    const fn of(bits: u64) -> Self {
        match bits & Self::MASK {
            0 => Self::New,
            1 => Self::Idle,
            2 => Self::Head,
            3 => Self::Busy,
            4 => Self::Answered,
            _ => Self::Lingering,
        }
    }

    const BITS: u32 = 3;
    const MASK: u64 = (1 << Self::BITS) - 1;

    /// Whether no request is under way, so that whatever hyper writes is an answer of its own.
    pub const fn awaits_request(self) -> bool {
        matches!(self, Self::New | Self::Idle | Self::Head)
    }

    /// How long a connection must have been like this before it may be closed for another; `None`: it
    /// may not.
    const fn spared_for(self) -> Option<Duration> {
        match self {
            Self::Idle => Some(Duration::ZERO),
            Self::New | Self::Head | Self::Lingering => Some(SPARED),
            Self::Busy | Self::Answered => None,
        }
    }
}

/// How long a connection may take to send a head before another may be given its place. Too low and
/// under attack clients on slow links never complete a request; too high and new connections, probes
/// among them, wait that long.
const SPARED: Duration = Duration::from_secs(1);

/// The end of a server, which its connections look for.
#[derive(Debug, Default)]
pub(super) struct Ending {
    announced: AtomicBool,
    begun: AtomicBool,
}

impl Ending {
    /// From now on answers ask clients to close their connections.
    pub fn announce(&self) {
        self.announced.store(true, Ordering::Release);
    }

    pub fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    /// From now on connections end that have no request under way.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }
}

/// A connection's state.
#[derive(Debug)]
pub(super) struct State {
    /// The phase, and above its bits since when, in milliseconds after `epoch`.
    phase: AtomicU64,
    epoch: Instant,
    /// Whether a part of the current request's body has not been read.
    unread: AtomicBool,
    closing: AtomicBool,
    ending: Arc<Ending>,
    waker: AtomicWaker,
    /// Whether only probes are answered: it is above the limit of connections.
    pub probes_only: bool,
}

impl State {
    pub fn new(epoch: Instant, ending: Arc<Ending>, probes_only: bool) -> Self {
        let state = Self {
            phase: AtomicU64::new(0),
            epoch,
            unread: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            ending,
            waker: AtomicWaker::new(),
            probes_only,
        };
        state.enter(Phase::New);
        state
    }

    pub fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Relaxed))
    }

    /// Since when it has been in its phase.
    pub fn since(&self) -> Instant {
        let since = self.phase.load(Ordering::Relaxed) >> Phase::BITS;
        self.epoch + Duration::from_millis(since)
    }

    /// Enters a phase now.
    pub fn enter(&self, phase: Phase) {
        let since = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.phase.store(since << Phase::BITS | phase as u64, Ordering::Relaxed);
    }

    /// Enters a phase in which time does not matter: asking the clock twice a request is saved.
    fn enter_untimed(&self, phase: Phase) {
        self.phase.store(phase as u64, Ordering::Relaxed);
    }

    /// A request begins to be answered.
    pub fn begin_request(&self, has_body: bool) {
        self.unread.store(has_body, Ordering::Relaxed);
        self.enter_untimed(Phase::Busy);
    }

    /// The request's body has been read to its end.
    pub fn end_body(&self) {
        self.unread.store(false, Ordering::Relaxed);
    }

    /// Whether a part of the request's body has not been read, so that nothing can follow it.
    pub fn has_unread_body(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// The answer is complete.
    pub fn end_request(&self) {
        self.enter_untimed(Phase::Answered);
    }

    pub fn server(&self) -> &Arc<Ending> {
        &self.ending
    }

    /// Wakes this task when the connection is to close.
    pub fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Closes the connection as soon as no request is under way.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether it is to close as soon as no request is under way.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire) || self.ending.begun.load(Ordering::Acquire)
    }

    /// Since when it could have been closed for another connection, if it may be now.
    pub fn replaceable_since(&self, now: Instant) -> Option<Instant> {
        let (spared, since) = (self.phase().spared_for()?, self.since());
        (!self.is_closing() && since + spared <= now).then_some(since)
    }
}
