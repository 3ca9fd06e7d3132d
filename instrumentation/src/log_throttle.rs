//! Says that something fails again and again, without a line for each time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two lines. Too low and an outage floods the log with a line a request; too
/// high and the log says late that the trouble has become another.
const PAUSE: Duration = Duration::from_secs(1);

/// One thing that may fail often.
#[derive(Debug, Default)]
pub struct Complaint(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaint {
    /// Nothing has been said yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Said { last: None, unsaid: 0 }))
    }

    /// Notes a failure. When it is time for a line, gives how many failures had none since the last.
    pub fn note(&self, now: Instant) -> Option<u64> {
        // It is whole after each of its changes, also when a thread panicked between them.
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.last.is_some_and(|last| now.duration_since(last) < PAUSE) {
            said.unsaid += 1;
            return None;
        }
        said.last = Some(now);
        Some(std::mem::take(&mut said.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_told_and_then_one_a_second_with_the_number_of_the_others() {
        let (complaint, start) = (Complaint::new(), Instant::now());
        assert_eq!(complaint.note(start), Some(0));
        for _ in 0..300 {
            assert_eq!(complaint.note(start + PAUSE / 2), None);
        }
        assert_eq!(complaint.note(start + PAUSE), Some(300));
        assert_eq!(complaint.note(start + PAUSE * 3), Some(0));
    }
}
