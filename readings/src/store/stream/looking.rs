//! What is remembered from one look at the stream to the next.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;

use super::backlog::Tallies;
use super::stream_info::StreamStatus;

/// Bytes of entries a second that Redis may hand to scripts. Too low and what scripts find out is old
/// where entries are large; too high and Redis is busy with it (100 MB take 0.3 s).
const BYTES_A_SECOND: u64 = 10_000_000;

/// Bytes that cost nothing to speak of.
const SMALL: u64 = 1_000_000;

/// What all clones of a stream remember together.
#[derive(Debug, Default)]
pub(super) struct Looking {
    pub tallies: Tallies,
    /// Large entries among those that are counted.
    pub counted: Payloads,
    /// Large entries at the ends of the stream.
    pub shown: Payloads,
    /// What was seen last of the stream's ends. Its lock is held by who is looking: large entries are
    /// handed to one script at a time.
    pub ends: AsyncMutex<Option<StreamStatus>>,
}

/// Sees to it that scripts are seldom handed large entries: nothing tells how large the first, the last
/// or the next one is but looking at it.
#[derive(Debug, Default)]
pub(super) struct Payloads(Mutex<Option<Instant>>);

impl Payloads {
    /// Whether a script may look at entries now.
    pub fn are_affordable(&self) -> bool {
        self.until().is_none_or(|until| Instant::now() >= until)
    }

    /// Notes that a script was handed so many bytes of entries.
    pub fn spent(&self, bytes: u64) {
        if bytes > SMALL {
            let pause = Duration::from_millis(bytes.saturating_mul(1_000) / BYTES_A_SECOND);
            *self.until() = Some(Instant::now() + pause);
        }
    }

    fn until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_entries_are_looked_at_seldom() {
        let payloads = Payloads::default();
        payloads.spent(SMALL);
        assert!(payloads.are_affordable());
        payloads.spent(100_000_000);
        assert!(!payloads.are_affordable());
    }
}
