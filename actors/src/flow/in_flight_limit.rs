//! The in-flight limit: about as many entries as were finished in the last quarter of a second.
//!
//! So pending entries are work in progress, which autoscaling is based on; a starting replica finds unread
//! entries; and a fast replica still reads in thousands. The limit is also one of bytes: of entries of
//! megabytes each, which other producers may append, only a few are in flight.

use std::time::{Duration, Instant};

/// The work in flight that is aimed at, as time at the present rate. Too low and Redis waits for this
/// process; too high and a slow replica holds entries that another could process.
const TARGET_BUFFERED: Duration = Duration::from_millis(250);

/// The rate is measured over at least this long. Too low and one slow acknowledgement halves the limit;
/// too high and the limit grows late after a burst.
const SAMPLE: Duration = Duration::from_millis(20);

/// If half a limit of entries is finished within less than a sample, this long is enough. Such a rate never lowers the limit. Too
/// low and entries of one acknowledgement, whose permits are settled one after the other, look like a rate; too
/// high and a replica that starts on a long stream reads a dozen entries at a time for that much longer.
const EARLY_SAMPLE: Duration = Duration::from_millis(1);

/// The lowest limit. Too low and a replica whose readings take seconds each is idle between two reads, and
/// KEDA's usual threshold (5 pending entries a replica, 3 replicas) is not reached at once
/// by one busy replica; too high and such a replica holds entries that another could process.
const FLOOR: usize = 16;

/// Bytes that the entries in flight may have together, by the size of recent ones. Too low and large
/// entries are processed one by one; too high and they exhaust the memory of a small process, which
/// holds each byte up to seven times (reply, entry, member, command, and the growth of buffers).
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// With each delivery of smaller entries the estimated size shrinks by one part in this many. Too low and
/// one small delivery between large ones opens the window; too high and it opens late after them.
const DECAY_DIVISOR: usize = 4;

/// The present limit.
#[derive(Debug)]
pub(crate) struct InFlightLimit {
    ceiling: usize,
    current: usize,
    since: Instant,
    finished: usize,
    /// The estimated bytes of an entry.
    entry_bytes: usize,
}

impl InFlightLimit {
    /// Starts low, and follows the rate of finished entries up to `ceiling`.
    pub fn new(ceiling: usize, now: Instant) -> Self {
        let current = FLOOR.min(ceiling);
        Self { ceiling, current, since: now, finished: 0, entry_bytes: 1 }
    }

    /// How many entries may be in flight; one at least, however large it is.
    pub fn current(&self) -> usize {
        self.current.min(MAX_BYTES / self.entry_bytes).max(1)
    }

    /// Whether this number of entries, by the size of recent ones, is within the bytes that may be in flight.
    pub const fn has_bytes_for(&self, entries: usize) -> bool {
        entries <= MAX_BYTES / self.entry_bytes
    }

    /// Records the bytes of delivered entries. A larger size counts at once, a smaller one gradually: an
    /// estimate that is too low costs memory, one that is too high only throughput.
    pub fn record_entry_size(&mut self, entries: usize, bytes: usize) {
        if let Some(entry_bytes) = bytes.checked_div(entries) {
            let decayed = self.entry_bytes - self.entry_bytes / DECAY_DIVISOR;
            self.entry_bytes = entry_bytes.max(decayed).max(1);
        }
    }

    /// Records finished entries.
    pub fn record_finished(&mut self, entries: usize, now: Instant) {
        self.finished += entries;
        let elapsed = now.duration_since(self.since);
        let is_sample =
            elapsed >= SAMPLE || elapsed >= EARLY_SAMPLE && self.finished >= self.current / 2;
        if !is_sample {
            return;
        }
        let target = self.finished as u128 * TARGET_BUFFERED.as_micros();
        let target = usize::try_from(target / elapsed.as_micros().max(1)).unwrap_or(usize::MAX);
        self.current = target.clamp(FLOOR.min(self.ceiling), self.ceiling);
        self.since = now;
        self.finished = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit after entries were finished at a steady rate for a while.
    fn limit_after(ceiling: usize, per_second: usize, seconds: usize) -> usize {
        let start = Instant::now();
        let mut limit = InFlightLimit::new(ceiling, start);
        for entry in 1..=per_second * seconds {
            let at = Duration::from_micros((entry * 1_000_000 / per_second) as u64);
            limit.record_finished(1, start + at);
        }
        limit.current()
    }

    #[test]
    fn a_slow_replica_holds_few_entries() {
        assert_eq!(limit_after(2_000, 10, 5), FLOOR);
        assert_eq!(limit_after(2_000, 100, 5), 25);
    }

    #[test]
    fn a_fast_replica_holds_as_many_as_it_may() {
        assert_eq!(limit_after(2_000, 100_000, 1), 2_000);
    }

    #[test]
    fn the_limit_rises_within_a_fraction_of_a_second() {
        let start = Instant::now();
        let mut limit = InFlightLimit::new(2_000, start);
        limit.record_finished(320, start + SAMPLE);
        assert_eq!(limit.current(), 2_000);
    }

    #[test]
    fn half_a_limit_that_is_finished_at_once_raises_it_before_the_sample_is_complete() {
        let start = Instant::now();
        let mut limit = InFlightLimit::new(2_000, start);
        limit.record_finished(FLOOR / 2 - 1, start + EARLY_SAMPLE);
        assert_eq!(limit.current(), FLOOR, "less than half of it");
        limit.record_finished(1, start + EARLY_SAMPLE);
        assert_eq!(limit.current(), 2_000);
        limit.record_finished(2_000, start + EARLY_SAMPLE + Duration::from_micros(10));
        assert_eq!(limit.current(), 2_000, "entries of the same acknowledgement");
    }

    #[test]
    fn the_bytes_of_large_entries_lower_the_limit_to_one_entry_at_least() {
        let mut limit = InFlightLimit::new(10, Instant::now());
        limit.record_entry_size(4, 4 * MAX_BYTES / 3);
        assert_eq!(limit.current(), 3);
        limit.record_entry_size(1, 2 * MAX_BYTES);
        assert_eq!(limit.current(), 1);
    }

    #[test]
    fn small_entries_after_large_ones_raise_the_limit_again_and_an_empty_delivery_does_not() {
        let mut limit = InFlightLimit::new(10, Instant::now());
        limit.record_entry_size(1, MAX_BYTES / 2);
        limit.record_entry_size(0, 0);
        assert_eq!(limit.current(), 2);
        (0..20).for_each(|_| limit.record_entry_size(500, 500 * 150));
        assert_eq!(limit.current(), 10);
    }

    #[test]
    fn the_ceiling_may_be_below_the_floor() {
        assert_eq!(limit_after(4, 1_000, 1), 4);
    }
}
