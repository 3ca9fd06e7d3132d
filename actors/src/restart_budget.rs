//! `RestartBudget`: how often, and after which pause, a failed actor may be restarted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

/// Restarts that are allowed within [`WINDOW`] (the restart intensity of Erlang/OTP). Too low and a
/// passing failure ends the process; too high and a process that cannot work is replaced late.
const LIMIT: usize = 10;

/// Failures older than this no longer count. Too short and a slow crash loop never ends the process; too
/// long and unrelated failures add up.
const WINDOW: Duration = Duration::from_mins(1);

/// The pause before the first restart; it doubles with each failure in the window. Too short and a failing
/// actor uses a core; too long and a single failure costs that much.
const MIN_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause before a restart. Too long and work resumes that late.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The failures within the last [`WINDOW`].
#[derive(Debug, Default)]
pub(crate) struct RestartBudget {
    failures: VecDeque<Instant>,
}

impl RestartBudget {
    /// Records a failure. Returns the pause before the restart; `None` when the budget is spent.
    pub fn spend(&mut self, now: Instant) -> Option<Duration> {
        while self.failures.front().is_some_and(|&at| now.duration_since(at) >= WINDOW) {
            self.failures.pop_front();
        }
        let earlier_failures = self.failures.len();
        self.failures.push_back(now);
        let pauses = ExponentialBuilder::default()
            .with_min_delay(MIN_PAUSE)
            .with_max_delay(MAX_PAUSE)
            .with_max_times(LIMIT);
        pauses.build().nth(earlier_failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_the_budget_is_spent() {
        let mut budget = RestartBudget::default();
        let now = Instant::now();
        let pauses: Vec<_> = (0..LIMIT).map(|_| budget.spend(now).unwrap()).collect();
        assert!(pauses.is_sorted());
        assert_eq!((pauses[0], pauses[LIMIT - 1]), (MIN_PAUSE, MAX_PAUSE));
        assert_eq!(budget.spend(now), None);
    }

    #[test]
    fn old_failures_do_not_count() {
        let mut budget = RestartBudget::default();
        let start = Instant::now();
        for _ in 0..=LIMIT {
            budget.spend(start);
        }
        assert_eq!(budget.spend(start + WINDOW), Some(MIN_PAUSE));
    }
}
