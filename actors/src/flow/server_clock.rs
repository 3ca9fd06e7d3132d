//! The clock of the Redis server, which makes the ids of entries.
//!
//! The age of an entry is told by this clock and not by ours: ours may be an hour ahead. Between two
//! questions our monotonic clock goes on for it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use readings::store::{StoreError, StreamId};

/// How far an id may be ahead of the clock and still be of now: that much the answer may have been on
/// its way. In microseconds.
const TOLERANCE: i64 = 1_000_000;

/// The clock was not told yet.
const UNKNOWN: i64 = i64::MIN;

/// The clock as it was told last.
#[derive(Debug)]
pub(crate) struct ServerClock {
    began: Instant,
    /// The server's time when this was made, in microseconds since the Unix epoch.
    then: AtomicI64,
}

impl Default for ServerClock {
    fn default() -> Self {
        Self { began: Instant::now(), then: AtomicI64::new(UNKNOWN) }
    }
}

impl ServerClock {
    /// Asks for the time. The answer is taken for that of the middle of the exchange.
    pub async fn ask(
        &self,
        time: impl Future<Output = Result<Duration, StoreError>>,
    ) -> Result<(), StoreError> {
        let asked = Instant::now();
        let time = time.await?;
        self.set(time, asked + asked.elapsed() / 2);
        Ok(())
    }

    fn set(&self, time: Duration, at: Instant) {
        self.then.store(microseconds(time) - self.since(at), Ordering::Relaxed);
    }

    /// How long ago an entry was added. `None` where that is not known: the time was never told, or the
    /// id is ahead of it, as after the server's clock was put back.
    pub fn age(&self, id: StreamId, now: Instant) -> Option<Duration> {
        let then = self.then.load(Ordering::Relaxed);
        let added = microseconds(Duration::from_millis(id.ms));
        let age = then.saturating_add(self.since(now)).saturating_sub(added);
        let is_known = then != UNKNOWN && age >= -TOLERANCE;
        is_known.then(|| Duration::from_micros(u64::try_from(age).unwrap_or_default()))
    }

    fn since(&self, at: Instant) -> i64 {
        microseconds(at.saturating_duration_since(self.began))
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
        let (clock, told) = (ServerClock::default(), Instant::now());
        assert_eq!(clock.age(id(1), told), None);
        clock.set(Duration::from_secs(5), told);
        assert_eq!(clock.age(id(4_900), told), Some(Duration::from_millis(100)));
        let later = told + Duration::from_secs(2);
        assert_eq!(clock.age(id(4_900), later), Some(Duration::from_millis(2_100)));
    }

    #[test]
    fn an_id_ahead_of_the_clock_tells_no_age() {
        let (clock, told) = (ServerClock::default(), Instant::now());
        clock.set(Duration::from_secs(5), told);
        assert_eq!(clock.age(id(5_400), told), Some(Duration::ZERO));
        assert_eq!(clock.age(id(3_600_000), told), None);
    }
}
