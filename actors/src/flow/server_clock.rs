//! The clock of the Redis server, which generates the ids of entries.
//!
//! The age of an entry is measured by this clock and not by the local one, which may be an hour ahead.
//! Between two readings of it, the local monotonic clock continues it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use readings::store::{StoreError, StreamId};

/// How far an id may be ahead of the clock and its age still count as zero, in microseconds: the
/// response that set the clock was in transit for an unknown part of its round trip. Too low and fresh
/// entries have no age; too high and a clock that was set back goes unnoticed.
const TOLERANCE: i64 = 1_000_000;

/// The clock has not been read yet.
const UNKNOWN: i64 = i64::MIN;

/// The server's clock as it was read last.
#[derive(Debug)]
pub(crate) struct ServerClock {
    created_at: Instant,
    /// The server's time at `created_at`, in microseconds since the Unix epoch.
    origin: AtomicI64,
}

impl Default for ServerClock {
    fn default() -> Self {
        Self { created_at: Instant::now(), origin: AtomicI64::new(UNKNOWN) }
    }
}

impl ServerClock {
    /// Reads the clock. The time is taken as that of the middle of the round trip.
    pub async fn sync(
        &self,
        request: impl Future<Output = Result<Duration, StoreError>>,
    ) -> Result<(), StoreError> {
        let sent_at = Instant::now();
        let time = request.await?;
        self.set(time, sent_at + sent_at.elapsed() / 2);
        Ok(())
    }

    fn set(&self, time: Duration, at: Instant) {
        self.origin.store(microseconds(time) - self.elapsed(at), Ordering::Relaxed);
    }

    /// How long ago an entry was appended. `None` if that is unknown: the clock has not been read, or
    /// the id is ahead of it, as after the server's clock was set back.
    pub fn age(&self, id: StreamId, now: Instant) -> Option<Duration> {
        let origin = self.origin.load(Ordering::Relaxed);
        let appended = microseconds(Duration::from_millis(id.ms));
        let age = origin.saturating_add(self.elapsed(now)).saturating_sub(appended);
        let is_known = origin != UNKNOWN && age >= -TOLERANCE;
        is_known.then(|| Duration::from_micros(u64::try_from(age).unwrap_or_default()))
    }

    fn elapsed(&self, at: Instant) -> i64 {
        microseconds(at.saturating_duration_since(self.created_at))
    }
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> StreamId {
        StreamId { ms, seq: 0 }
    }

    #[test]
    fn an_entry_is_as_old_as_the_servers_clock_says() {
        let clock = ServerClock::default();
        let read_at = Instant::now();
        assert_eq!(clock.age(id(1), read_at), None);
        clock.set(Duration::from_secs(5), read_at);
        assert_eq!(clock.age(id(4_900), read_at), Some(Duration::from_millis(100)));
        let later = read_at + Duration::from_secs(2);
        assert_eq!(clock.age(id(4_900), later), Some(Duration::from_millis(2_100)));
    }

    #[test]
    fn an_id_ahead_of_the_clock_has_no_age() {
        let clock = ServerClock::default();
        let read_at = Instant::now();
        clock.set(Duration::from_secs(5), read_at);
        assert_eq!(clock.age(id(5_400), read_at), Some(Duration::ZERO));
        assert_eq!(clock.age(id(3_600_000), read_at), None);
    }
}
