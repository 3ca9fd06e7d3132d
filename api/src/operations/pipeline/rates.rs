//! Rates of accepted and stored readings over the last minute.
//!
//! Each partition has samples of its own, and the rate is the sum of theirs: while the number of partitions is changed,
//! the sum of their counters jumps by all that one of them has ever counted.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use instrumentation::metrics::as_f64;
use readings::store::Partition;

/// The window of the rates. Too low and they jump from sample to sample; too high and they show a change late.
const RATE_WINDOW: Duration = Duration::from_mins(1);

/// The counters of a partition's stream at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub at: Instant,
    /// Entries ever added to the stream.
    pub added: u64,
    /// Entries ever acknowledged, where that is known.
    pub processed: Option<u64>,
}

/// Readings per second; `None` until two samples exist.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rates {
    pub ingested: Option<f64>,
    pub stored: Option<f64>,
}

/// The samples of all partitions.
#[derive(Debug, Default)]
pub(super) struct Samples(HashMap<Partition, PartitionSamples>);

impl Samples {
    /// Adds what one poll found: a sample of each partition in use, or that it is unknown. A partition that is not in use
    /// any more loses its samples.
    pub fn record(&mut self, polled: impl IntoIterator<Item = (Partition, Option<Sample>)>) {
        let mut before = std::mem::take(&mut self.0);
        for (partition, sample) in polled {
            let mut samples = before.remove(&partition).unwrap_or_default();
            if let Some(sample) = sample {
                samples.record(sample);
            }
            self.0.insert(partition, samples);
        }
    }

    /// The sums over all partitions. Where the readings stored from one of them are unknown, so is their sum.
    pub fn rates(&self) -> Rates {
        let rates = self.0.values().map(PartitionSamples::rates);
        let known: Vec<_> = rates.filter(|rates| rates.ingested.is_some()).collect();
        if known.is_empty() {
            return Rates::default();
        }
        Rates {
            ingested: known.iter().map(|rates| rates.ingested).sum(),
            stored: known.iter().map(|rates| rates.stored).sum(),
        }
    }
}

/// The samples of the window, oldest first.
#[derive(Debug, Default)]
struct PartitionSamples(VecDeque<Sample>);

impl PartitionSamples {
    /// Adds a sample and drops those that are older than the window.
    fn record(&mut self, new: Sample) {
        // Counters only decrease when the stream was deleted: then older samples are of another stream.
        let has_decreased = |last: &Sample| {
            last.added > new.added
                || last.processed.zip(new.processed).is_some_and(|(last, new)| last > new)
        };
        if self.0.back().is_some_and(has_decreased) {
            self.0.clear();
        }
        self.0.push_back(new);
        while self.0.front().is_some_and(|first| new.at.duration_since(first.at) > RATE_WINDOW) {
            self.0.pop_front();
        }
    }

    /// Both rates over the same samples, so that they can be compared: over those with both counters if there
    /// are two, else the rate of accepted readings alone over all.
    fn rates(&self) -> Rates {
        let added = |sample: &Sample| Some((sample.at, sample.added));
        let processed = |sample: &Sample| Some((sample.at, sample.processed?));
        let with_processed = self.0.iter().filter(|sample| sample.processed.is_some());
        let stored = rate(with_processed.clone().filter_map(processed));
        let ingested = match stored {
            Some(_) => rate(with_processed.filter_map(added)),
            None => rate(self.0.iter().filter_map(added)),
        };
        Rates { ingested, stored }
    }
}

/// From the first count to the last.
fn rate(mut counts: impl DoubleEndedIterator<Item = (Instant, u64)>) -> Option<f64> {
    let ((began, from), (ended, to)) = (counts.next()?, counts.next_back()?);
    let seconds = ended.duration_since(began).as_secs_f64();
    (seconds > 0.0).then(|| as_f64(to.saturating_sub(from)) / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates after samples of (second, added, processed).
    fn after(counts: &[(u64, u64, Option<u64>)]) -> Rates {
        let start = Instant::now();
        let mut samples = Samples::default();
        for &(second, added, processed) in counts {
            samples.record([(Partition::Whole, Some(sample(start, second, added, processed)))]);
        }
        samples.rates()
    }

    fn sample(start: Instant, second: u64, added: u64, processed: Option<u64>) -> Sample {
        Sample { at: start + Duration::from_secs(second), added, processed }
    }

    /// The rates after polls of (second, [(partition, added = processed)]).
    fn of_partitions(polls: &[(u64, &[(u16, u64)])]) -> Rates {
        let start = Instant::now();
        let mut samples = Samples::default();
        for &(second, counts) in polls {
            samples.record(counts.iter().map(|&(number, count)| {
                (Partition::Numbered(number), Some(sample(start, second, count, Some(count))))
            }));
        }
        samples.rates()
    }

    #[test]
    fn rates_are_sums_over_partitions() {
        let rates = of_partitions(&[(0, &[(0, 0), (1, 100)]), (10, &[(0, 50), (1, 130)])]);
        assert_eq!(rates, Rates { ingested: Some(8.0), stored: Some(8.0) });
    }

    #[test]
    fn a_partition_that_comes_into_use_or_is_retired_is_no_jump_of_the_rates() {
        let before: &[_] = &[(0, 1_000), (1, 1_000)];
        let more: &[_] = &[(0, 1_010), (1, 1_010), (2, 9_000)];
        let rates = of_partitions(&[(0, before), (10, more), (20, &[(0, 1_020), (2, 9_010)])]);
        assert_eq!(rates, Rates { ingested: Some(2.0), stored: Some(2.0) });
    }

    #[test]
    fn what_is_stored_from_a_partition_may_be_unknown() {
        let start = Instant::now();
        let mut samples = Samples::default();
        for (second, added) in [(0, 0), (10, 50)] {
            let known = sample(start, second, added, Some(added));
            let unknown = sample(start, second, added, None);
            let third = (Partition::Numbered(2), None);
            let polled =
                [(Partition::Numbered(0), Some(known)), (Partition::Numbered(1), Some(unknown))];
            samples.record(polled.into_iter().chain([third]));
        }
        assert_eq!(samples.rates(), Rates { ingested: Some(10.0), stored: None });
    }

    #[test]
    fn rates_are_those_of_the_last_minute() {
        let counts = [(0, 0, Some(0)), (5, 50, Some(40)), (65, 650, Some(340))];
        assert_eq!(after(&counts), Rates { ingested: Some(10.0), stored: Some(5.0) });
    }

    #[test]
    fn there_are_no_rates_before_the_second_sample_or_after_the_stream_was_deleted() {
        assert_eq!(after(&[]), Rates::default());
        assert_eq!(after(&[(0, 7, Some(7))]), Rates::default());
        assert_eq!(after(&[(0, 50, Some(9)), (5, 3, Some(0))]), Rates::default());
    }

    #[test]
    fn an_unknown_counter_has_no_rate() {
        let rates = after(&[(0, 0, None), (5, 50, None)]);
        assert_eq!(rates, Rates { ingested: Some(10.0), stored: None });
    }

    #[test]
    fn both_rates_are_of_the_same_time() {
        let rates = after(&[(0, 0, None), (5, 1_000, Some(1_000)), (10, 1_100, Some(1_050))]);
        assert_eq!(rates, Rates { ingested: Some(20.0), stored: Some(10.0) });
        let rates = after(&[(0, 0, Some(0)), (5, 1_000, None), (10, 1_100, Some(1_100))]);
        assert_eq!(rates, Rates { ingested: Some(110.0), stored: Some(110.0) });
    }
}
