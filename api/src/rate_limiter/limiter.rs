//! Limits the rate of cells.

use std::num::NonZeroU32;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};

use super::cells::Cells;
use super::over_limit::OverLimit;
use crate::rate::Rate;

/// A request that costs as much as one.
pub(crate) const ONE: NonZeroU32 = NonZeroU32::MIN;

/// Limits the rate of each cell.
#[derive(Debug)]
pub(crate) struct Limiter<C: Clock = MonotonicClock> {
    rate: Rate,
    governor: RateLimiter<usize, Cells, C, NoOpMiddleware<C::Instant>>,
    cells: usize,
}

impl Limiter {
    /// A limiter of this many cells.
    pub fn new(rate: Rate, cells: usize) -> Self {
        Self::with_clock(rate, cells, MonotonicClock)
    }
}

impl<C: Clock> Limiter<C> {
    fn with_clock(rate: Rate, cells: usize, clock: C) -> Self {
        // None: never, an interval is at least a microsecond.
        let quota = Quota::with_period(rate.interval()).unwrap_or(Quota::per_second(ONE));
        let governor = RateLimiter::new(quota.allow_burst(rate.burst()), Cells::new(cells), clock);
        Self { rate, governor, cells }
    }

    /// The rate of each cell.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// The number of cells.
    pub const fn cells(&self) -> usize {
        self.cells
    }

    /// Adds a request that costs as much as `cost` requests to a cell, if that keeps it within the rate.
    pub fn check(&self, cell: usize, cost: NonZeroU32) -> Result<(), OverLimit> {
        // Before governor compares it, which multiplies it by the interval: the product may overflow.
        if cost > self.rate.burst() {
            return Err(OverLimit::Always);
        }
        let checked = self.governor.check_key_n(&cell, cost).map_err(|_| OverLimit::Always)?;
        checked.map_err(|until| OverLimit::For(until.wait_time_from(self.governor.clock().now())))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use governor::nanos::Nanos;
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    fn limiter(rate: &str) -> (Limiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limiter::with_clock(rate.parse().unwrap(), 2, clock.clone()), clock)
    }

    fn cost(requests: u32) -> NonZeroU32 {
        NonZeroU32::new(requests).unwrap()
    }

    #[test]
    fn a_burst_is_accepted_and_then_one_request_per_interval() {
        let (limiter, clock) = limiter("10/s burst=3");
        for _ in 0..3 {
            assert_eq!(limiter.check(0, ONE), Ok(()));
        }
        let interval = Duration::from_millis(100);
        assert_eq!(limiter.check(0, ONE), Err(OverLimit::For(interval)));
        assert_eq!(limiter.check(1, ONE), Ok(()), "another cell");
        clock.advance(interval);
        assert_eq!(limiter.check(0, ONE), Ok(()));
        assert_eq!(limiter.check(0, ONE), Err(OverLimit::For(interval)));
    }

    #[test]
    fn a_request_that_costs_more_is_within_the_limit_as_a_whole_or_not_at_all() {
        let (limiter, clock) = limiter("10/s burst=5");
        assert_eq!(limiter.check(0, cost(4)), Ok(()));
        assert_eq!(limiter.check(0, cost(3)), Err(OverLimit::For(Duration::from_millis(200))));
        assert_eq!(limiter.check(0, ONE), Ok(()), "the rejected request costs nothing");
        clock.advance(Duration::from_millis(500));
        assert_eq!(limiter.check(0, cost(5)), Ok(()));
        assert_eq!(limiter.check(1, cost(6)), Err(OverLimit::Always));
    }

    #[test]
    fn no_rate_overflows() {
        for rate in ["1/h burst=1000000", "1000000/s", "1000000/h burst=1", "1/h"] {
            let (limiter, clock) = limiter(rate);
            clock.advance(Duration::from_hours(24 * 366 * 100));
            while limiter.check(0, cost(1_000.min(limiter.rate().burst().get()))).is_ok() {}
            assert_eq!(limiter.check(0, cost(u32::MAX)), Err(OverLimit::Always), "{rate}");
        }
    }

    proptest! {
        #[test]
        fn a_client_that_waits_as_it_is_asked_is_accepted(
            interval_ms in 1..500_u32, burst in 1..20_u32, costs in proptest::collection::vec(1..20_u32, 1..40)
        ) {
            let rate = format!("{}/s burst={burst}", 1_000 / interval_ms);
            let (limiter, clock) = limiter(&rate);
            let mut accepted = 0;
            for cost in costs {
                let cost = NonZeroU32::new(cost.min(burst)).unwrap();
                if let Err(OverLimit::For(wait)) = limiter.check(0, cost) {
                    clock.advance(wait);
                    prop_assert!(limiter.check(0, cost).is_ok(), "{rate} {cost} {wait:?}");
                }
                accepted += cost.get();
            }
            let intervals = accepted.saturating_sub(burst);
            prop_assert!(clock.now() >= Nanos::from(limiter.rate().interval() * intervals));
        }
    }
}
