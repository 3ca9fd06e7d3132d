//! Limits how often a repeating failure is logged.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two lines. Too low and an outage floods the log with a line a request; too
/// high and the log reports late that the cause has changed.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Lets one log statement write a line at most every [`MIN_INTERVAL`]. Each statement has its own, in a
/// `static`.
#[derive(Debug, Default)]
pub struct LogThrottle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last_line: Option<Instant>,
    suppressed: u64,
}

impl LogThrottle {
    /// A throttle that lets the first line through.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(State { last_line: None, suppressed: 0 }))
    }

    /// Records an event. Returns `Some` when it should be logged, with the number of events since the
    /// previous line that were not: the log field `suppressed`.
    pub fn should_log(&self, now: Instant) -> Option<u64> {
        // The state is valid after each assignment, so a panic of another thread does not harm it.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last_line.is_some_and(|last| now.duration_since(last) < MIN_INTERVAL) {
            state.suppressed += 1;
            return None;
        }
        state.last_line = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_logged_and_then_one_a_second_with_the_number_suppressed() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        assert_eq!(throttle.should_log(start), Some(0));
        for _ in 0..300 {
            assert_eq!(throttle.should_log(start + MIN_INTERVAL / 2), None);
        }
        assert_eq!(throttle.should_log(start + MIN_INTERVAL), Some(300));
        assert_eq!(throttle.should_log(start + MIN_INTERVAL * 3), Some(0));
    }
}
