//! How often, and how soon, a failed part may be started again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Restarts that are allowed within [`WINDOW`]. Too low and a passing trouble ends the process; too
/// high and one that cannot work keeps burning time instead of being replaced.
const LIMIT: usize = 10;

/// Failures older than this are forgotten.
const WINDOW: Duration = Duration::from_mins(1);

/// The pause before the first restart; it doubles with each failure in the window.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Failures lately.
#[derive(Debug, Default)]
pub(crate) struct RestartBudget {
    failures: VecDeque<Instant>,
}

impl RestartBudget {
    /// Notes a failure and says how long to pause before the restart; `None` when the budget is
    /// spent.
    pub fn spend(&mut self, now: Instant) -> Option<Duration> {
        while self.failures.front().is_some_and(|&at| now.duration_since(at) >= WINDOW) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        let failures = self.failures.len();
        (failures <= LIMIT).then(|| pause(failures))
    }
}

fn pause(failures: usize) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_the_budget_is_spent() {
        let (mut budget, now) = (RestartBudget::default(), Instant::now());
        let pauses: Vec<_> = (0..LIMIT).map(|_| budget.spend(now).unwrap()).collect();
        assert!(pauses.is_sorted());
        assert_eq!((pauses[0], pauses[LIMIT - 1]), (FIRST_PAUSE, LONGEST_PAUSE));
        assert_eq!(budget.spend(now), None);
    }

    #[test]
    fn old_failures_are_forgotten() {
        let (mut budget, start) = (RestartBudget::default(), Instant::now());
        for _ in 0..=LIMIT {
            budget.spend(start);
        }
        assert_eq!(budget.spend(start + WINDOW), Some(FIRST_PAUSE));
    }
}
