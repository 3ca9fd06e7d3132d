//! A range of instants.

use crate::iso8601::Instant;

/// From an instant (included) until a later one (excluded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    start: Instant,
    end: Instant,
}

/// A range that ends where it starts, or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the end must be after the start")]
pub struct EmptyRange;

impl Range {
    /// The instants from `start` until just before `end`.
    ///
    /// # Errors
    /// When no instant is in it.
    pub fn new(start: Instant, end: Instant) -> Result<Self, EmptyRange> {
        if start < end { Ok(Self { start, end }) } else { Err(EmptyRange) }
    }

    /// Of two edges, the first one earlier.
    pub(crate) const fn between(start: Instant, end: Instant) -> Self {
        Self { start, end }
    }

    /// The first instant.
    #[must_use]
    pub const fn start(self) -> Instant {
        self.start
    }

    /// The first instant after it.
    #[must_use]
    pub const fn end(self) -> Instant {
        self.end
    }

    /// Its length in microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.end.epoch_micros().saturating_sub(self.start.epoch_micros())
    }

    /// Whether an instant is in it.
    #[must_use]
    pub fn contains(self, instant: Instant) -> bool {
        self.start <= instant && instant < self.end
    }
}
