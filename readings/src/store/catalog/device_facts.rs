//! What is known of a device, from its readings in the order of time.

use super::plausible::Plausible;
use crate::energy::integration::{Sample, Summary};
use crate::iso8601::Instant;

/// Times between readings of which the median is the interval. Too few and a missing reading changes it; too many and
/// a new interval is known late, and each device takes more memory.
const GAPS: usize = 15;

/// Facts about a device until some instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeviceFacts {
    /// Its readings, repeats and outliers included.
    pub readings: u64,
    /// The first plausible instant.
    pub first: Option<Instant>,
    /// The last reading that is not ahead of now; not plausible where all are of a clock that was never set.
    pub last: Option<Sample>,
    /// Its readings whose timestamps are ahead.
    pub ahead: u64,
    /// When the last of these was accepted.
    pub ahead_ingested_at: Option<Instant>,
    gaps: Gaps,
}

impl DeviceFacts {
    /// Adds a reading that follows the others in the order of (instant, stream id) and is not ahead.
    pub(super) fn push(&mut self, sample: Sample, plausible: Plausible) {
        self.readings += 1;
        self.extend(sample.instant, plausible);
        self.last = Some(sample);
    }

    /// Adds the summary of readings that follow the others.
    pub(super) fn push_summary(&mut self, summary: &Summary, plausible: Plausible) {
        let Summary { count, repeats, first, last, .. } = summary;
        self.readings += count + repeats;
        self.extend(first.instant, plausible);
        let micros = last.instant.epoch_micros().saturating_sub(first.instant.epoch_micros());
        let gaps = count.saturating_sub(1);
        let mean = i64::try_from(gaps).ok().and_then(|gaps| micros.checked_div(gaps));
        if let Some(mean) = mean.filter(|_| plausible.contains(first.instant)) {
            for _ in 0..gaps.min(GAPS as u64) {
                self.gaps.push(mean);
            }
        }
        self.last = Some(*last);
    }

    /// Adds a reading whose timestamp is ahead.
    pub(super) fn push_ahead(&mut self, ingested_at: Option<Instant>) {
        self.readings += 1;
        self.ahead += 1;
        self.ahead_ingested_at = self.ahead_ingested_at.max(ingested_at);
    }

    /// The median of the last times between two readings, in microseconds; `None` with fewer than two instants.
    #[must_use]
    pub fn interval_micros(&self) -> Option<i64> {
        self.gaps.median()
    }

    /// Whether it has readings whose timestamps are ahead.
    #[must_use]
    pub const fn is_ahead(&self) -> bool {
        self.ahead > 0
    }

    fn extend(&mut self, instant: Instant, plausible: Plausible) {
        if !plausible.contains(instant) {
            return;
        }
        self.first = self.first.or(Some(instant));
        let last = self.last.map(|last| last.instant).filter(|last| plausible.contains(*last));
        if let Some(last) = last {
            self.gaps.push(instant.epoch_micros().saturating_sub(last.epoch_micros()));
        }
    }
}

/// The last times between two readings.
#[derive(Debug, Clone, Default, PartialEq)]
struct Gaps {
    micros: [i64; GAPS],
    count: usize,
}

impl Gaps {
    /// Adds one; none is between readings of one instant.
    const fn push(&mut self, micros: i64) {
        if micros > 0 {
            self.micros[self.count % GAPS] = micros;
            self.count += 1;
        }
    }

    fn median(&self) -> Option<i64> {
        let mut sorted = self.micros;
        let sorted = &mut sorted[..self.count.min(GAPS)];
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::energy::rollup::{Day, DayBuilder};

    const NOON: i64 = 1_705_320_000;

    fn plausible() -> Plausible {
        Plausible::at(Instant::from_epoch_micros(NOON * 1_000_000))
    }

    fn sample(second: i64) -> Sample {
        Sample { instant: Instant::from_epoch_micros(second * 1_000_000), watts: 1.0 }
    }

    fn of(seconds: &[i64]) -> DeviceFacts {
        let mut facts = DeviceFacts::default();
        for second in seconds {
            facts.push(sample(*second), plausible());
        }
        facts
    }

    #[test]
    fn the_interval_is_the_median_so_a_gap_does_not_change_it() {
        assert_eq!(of(&[]).interval_micros(), None);
        assert_eq!(of(&[NOON, NOON]).interval_micros(), None);
        let seconds = [0, 60, 120, 120, 86_400, 86_460].map(|second| NOON - 86_460 + second);
        assert_eq!(of(&seconds).interval_micros(), Some(60_000_000));
    }

    #[test]
    fn a_new_interval_is_known_after_some_readings() {
        let seconds: Vec<_> = (0..100).map(|n| NOON - 6_000 + n * 60).collect();
        let faster = (1..10).map(|n| NOON - 60 + n);
        let all: Vec<_> = seconds.into_iter().chain(faster).collect();
        assert_eq!(of(&all).interval_micros(), Some(1_000_000));
    }

    #[test]
    fn readings_of_a_clock_that_was_not_set_count_and_are_not_the_first() {
        let facts = of(&[0, 60, NOON, NOON + 60]);
        assert_eq!((facts.readings, facts.first), (4, Some(sample(NOON).instant)));
        assert_eq!(facts.interval_micros(), Some(60_000_000));
        assert_eq!(of(&[0]).last, Some(sample(0)));
    }

    proptest! {
        #[test]
        fn facts_from_rollups_are_those_from_readings(
            steps in proptest::collection::vec(0..2_000_i64, 1..100),
            days in 0..3_i64,
        ) {
            let start = NOON - days * 86_400;
            let seconds: Vec<_> = steps.iter().scan(start, |at, step| {
                *at += step;
                Some(*at)
            }).take_while(|second| *second < NOON + 60).collect();
            let expected = of(&seconds);
            let mut facts = DeviceFacts::default();
            for day in days_of(&seconds) {
                let mut builder = DayBuilder::new(day);
                let within = seconds.iter().filter(|it| Day::of(sample(**it).instant) == day);
                for second in within {
                    builder.push("d", sample(*second)).unwrap();
                }
                let rollup = builder.finish(0);
                let summaries = rollup.devices.values().flatten();
                for summary in summaries {
                    facts.push_summary(summary, plausible());
                }
            }
            prop_assert_eq!(facts.readings, expected.readings);
            prop_assert_eq!(facts.first, expected.first);
            prop_assert_eq!(facts.last, expected.last);
        }
    }

    fn days_of(seconds: &[i64]) -> Vec<Day> {
        let mut days: Vec<_> = seconds.iter().map(|it| Day::of(sample(*it).instant)).collect();
        days.dedup();
        days
    }
}
