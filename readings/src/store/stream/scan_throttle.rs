//! Limits how many bytes of entries scripts read.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of entries a second that scripts may read. Too low and what they report is old where entries
/// are large; too high and Redis is busy with it (a script takes 0.3 s to read 100 MB).
const BYTES_PER_SECOND: u64 = 10_000_000;

/// Bytes whose cost is negligible.
const FREE_BYTES: u64 = 1_000_000;

/// Lets scripts read large entries rarely. The size of an entry is known only after it was read, so it is
/// charged afterwards.
#[derive(Debug, Default)]
pub(super) struct ScanThrottle(Mutex<Option<Instant>>);

impl ScanThrottle {
    /// Whether a script may read entries now.
    pub fn allows(&self) -> bool {
        self.paused_until().is_none_or(|until| Instant::now() >= until)
    }

    /// Records the bytes of entries that a script has read.
    pub fn charge(&self, bytes: u64) {
        if bytes > FREE_BYTES {
            let pause = Duration::from_millis(bytes.saturating_mul(1_000) / BYTES_PER_SECOND);
            *self.paused_until() = Some(Instant::now() + pause);
        }
    }

    fn paused_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_entries_are_read_rarely() {
        let throttle = ScanThrottle::default();
        throttle.charge(FREE_BYTES);
        assert!(throttle.allows());
        throttle.charge(100_000_000);
        assert!(!throttle.allows());
    }
}
