//! The clock of an open loop: when each request is due, independent of responses.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{AcquireError, Semaphore};

/// A fixed rate that all connections share: an idle connection takes the next due request. A latency that starts when
/// the request is due includes the wait for an idle connection. One that starts when it is sent would omit the requests
/// that a slow response has delayed ("coordinated omission").
#[derive(Debug, Clone)]
pub struct OpenLoop(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    due: Semaphore,
    started: AtomicU32,
    start: Instant,
    rate: NonZeroU32,
}

impl OpenLoop {
    /// Starts at this rate, until it is dropped.
    ///
    /// The clock is a thread: Tokio's timers are up to a millisecond late, which every latency would include.
    pub fn start(rate: NonZeroU32) -> Self {
        let shared = Shared {
            due: Semaphore::new(0),
            started: AtomicU32::new(0),
            start: Instant::now(),
            rate,
        };
        let open_loop = Self(Arc::new(shared));
        let clock = Arc::downgrade(&open_loop.0);
        thread::spawn(move || {
            let mut given = 0_u32;
            while let Some(shared) = clock.upgrade() {
                let now = Instant::now();
                let mut due = 0;
                while shared.when(given) <= now {
                    (given, due) = (given.wrapping_add(1), due + 1);
                }
                shared.due.add_permits(due);
                let next = shared.when(given);
                drop(shared);
                thread::sleep(next.saturating_duration_since(now));
            }
        });
        open_loop
    }

    /// Waits until the next request is due, and returns when that was, which may be long ago.
    ///
    /// # Errors
    /// Never: the semaphore is not closed.
    pub async fn next(&self) -> Result<Instant, AcquireError> {
        self.0.due.acquire().await?.forget();
        Ok(self.0.when(self.0.started.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Shared {
    fn when(&self, number: u32) -> Instant {
        self.start + Duration::from_secs_f64(f64::from(number) / f64::from(self.rate.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_due_at_the_rate_however_late_they_are_taken() {
        let open_loop = OpenLoop::start(NonZeroU32::new(100).unwrap());
        let first = open_loop.next().await.unwrap();
        thread::sleep(Duration::from_millis(50));
        for number in 1..8 {
            let due = open_loop.next().await.unwrap();
            assert_eq!(due.duration_since(first), Duration::from_millis(10) * number);
            assert!(due <= Instant::now(), "a request before it is due");
        }
    }
}
