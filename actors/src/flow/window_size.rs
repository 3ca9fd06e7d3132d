//! How many entries may be in flight: about as many as were finished in the last quarter of a second.
//!
//! Pending then means work under way, which autoscaling reads; a replica that starts finds entries
//! that are left to take; and a fast replica still reads in thousands. But never more than memory is
//! meant for: of entries of megabytes each, which other writers may add, only some are in flight.

use std::time::{Duration, Instant};

/// The work that may be in flight, as time at the present rate. Too low and Redis waits for us; too
/// high and a slow replica holds entries that another could work on.
const WORK_AHEAD: Duration = Duration::from_millis(250);

/// The rate is measured over at least this long. Too low and one slow acknowledgement halves the
/// window; too high and a burst is taken up late.
const SAMPLE: Duration = Duration::from_millis(20);

/// The smallest window: a replica whose readings take seconds each still has some to work on, and
/// KEDA's usual threshold (5 pending a replica, 3 replicas) is passed at once by one that is busy.
const FLOOR: usize = 16;

/// Bytes that the entries in flight may have together, going by those that came lately. Too low and
/// large entries are worked on one by one; too high and they end a process with little memory, which
/// holds each byte up to seven times (reply, entry, member, command, and what buffers grow by).
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Small entries after large ones bring the weight of an entry down by this part at a time.
const WEIGHT_LOST: usize = 4;

/// The present size of the window.
#[derive(Debug)]
pub(crate) struct WindowSize {
    ceiling: usize,
    current: usize,
    since: Instant,
    finished: usize,
    /// Bytes that an entry is likely to have.
    weight: usize,
}

impl WindowSize {
    /// Starts small; grows with what is finished, up to `ceiling`.
    pub fn new(ceiling: usize, now: Instant) -> Self {
        Self { ceiling, current: FLOOR.min(ceiling), since: now, finished: 0, weight: 1 }
    }

    /// How many entries may be in flight now; one at least, however large it is.
    pub fn current(&self) -> usize {
        self.current.min(MAX_BYTES / self.weight).max(1)
    }

    /// Notes that entries came and how many bytes they had: more than before counts at once, less
    /// only by and by.
    pub fn weighed(&mut self, entries: usize, bytes: usize) {
        if let Some(weight) = bytes.checked_div(entries) {
            let lighter = self.weight - self.weight / WEIGHT_LOST;
            self.weight = weight.max(lighter).max(1);
        }
    }

    /// Notes that entries were finished.
    pub fn finished(&mut self, entries: usize, now: Instant) {
        self.finished += entries;
        let elapsed = now.duration_since(self.since);
        if elapsed < SAMPLE {
            return;
        }
        let ahead = self.finished as u128 * WORK_AHEAD.as_micros() / elapsed.as_micros().max(1);
        let ahead = usize::try_from(ahead).unwrap_or(usize::MAX);
        self.current = ahead.clamp(FLOOR.min(self.ceiling), self.ceiling);
        self.since = now;
        self.finished = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window after readings were finished at a steady rate for a while.
    fn after(ceiling: usize, per_second: usize, seconds: usize) -> usize {
        let start = Instant::now();
        let mut size = WindowSize::new(ceiling, start);
        for reading in 1..=per_second * seconds {
            let at = Duration::from_micros((reading * 1_000_000 / per_second) as u64);
            size.finished(1, start + at);
        }
        size.current()
    }

    #[test]
    fn a_slow_replica_holds_few_entries() {
        assert_eq!(after(2_000, 10, 5), FLOOR);
        assert_eq!(after(2_000, 100, 5), 25);
    }

    #[test]
    fn a_fast_replica_holds_as_many_as_it_may() {
        assert_eq!(after(2_000, 100_000, 1), 2_000);
    }

    #[test]
    fn the_window_grows_within_a_fraction_of_a_second() {
        let start = Instant::now();
        let mut size = WindowSize::new(2_000, start);
        size.finished(320, start + SAMPLE);
        assert_eq!(size.current(), 2_000);
    }

    #[test]
    fn of_large_entries_so_many_are_in_flight_as_memory_is_meant_for_and_one_in_any_case() {
        let mut size = WindowSize::new(10, Instant::now());
        size.weighed(4, 4 * MAX_BYTES / 3);
        assert_eq!(size.current(), 3);
        size.weighed(1, 2 * MAX_BYTES);
        assert_eq!(size.current(), 1);
    }

    #[test]
    fn small_entries_after_large_ones_open_the_window_again_and_none_do_not() {
        let mut size = WindowSize::new(10, Instant::now());
        size.weighed(1, MAX_BYTES / 2);
        size.weighed(0, 0);
        assert_eq!(size.current(), 2);
        (0..20).for_each(|_| size.weighed(500, 500 * 150));
        assert_eq!(size.current(), 10);
    }

    #[test]
    fn the_ceiling_may_be_below_the_floor() {
        assert_eq!(after(4, 1_000, 1), 4);
    }
}
