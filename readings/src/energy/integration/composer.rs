//! Summaries of one device become buckets.

use std::sync::Arc;

use super::bucket::Bucket;
use super::pair::Pair;
use super::rules::Aggregation;
use super::sample::Sample;
use super::summary::Summary;
use crate::energy::calendar::Buckets;
use crate::iso8601::Instant;

/// Composes the buckets of one device. Its memory grows by the buckets that have readings or a value that
/// holds, whatever lies between two readings.
#[derive(Debug)]
pub struct Composer {
    aggregation: Arc<Aggregation>,
    /// The latest reading.
    last: Option<Sample>,
    /// The index of the latest bucket, from which the next one is looked for.
    place: usize,
    /// The index of each bucket with it, ascending.
    filled: Vec<(usize, Bucket)>,
}

/// A summary that cannot be composed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// Its readings are in more than one bucket: compute it from members.
    #[error("a summary goes beyond an edge of its bucket")]
    Straddles,
    /// It does not begin after the one before.
    #[error("a summary begins before the end of the one before")]
    OutOfOrder,
}

impl Composer {
    /// Composes nothing yet.
    #[must_use]
    pub const fn new(aggregation: Arc<Aggregation>) -> Self {
        Self { aggregation, last: None, place: 0, filled: Vec::new() }
    }

    /// Adds a summary. Those of readings before the range (from a max gap before it on) and after it (until a
    /// max gap after it) belong to it as well: a value from before may hold into the range, and the last
    /// value in the range until the first one after it.
    ///
    /// # Errors
    /// When it is not of one bucket, or not later than the one before. Nothing is added then.
    pub fn push(&mut self, summary: &Summary) -> Result<(), ComposeError> {
        if self.last.is_some_and(|last| summary.first.instant <= last.instant) {
            return Err(ComposeError::OutOfOrder);
        }
        let place = self.place_of(summary)?;
        if let Some(last) = self.last {
            self.add_pair(Pair { from: last, to: summary.first });
        }
        if let Some(place) = place {
            self.bucket(place).add(summary);
        }
        self.last = Some(summary.last);
        Ok(())
    }

    /// How many buckets have readings or a value that holds.
    #[must_use]
    pub const fn filled(&self) -> usize {
        self.filled.len()
    }

    /// The buckets that have any, in the order of time.
    #[must_use]
    pub fn finish(self) -> Vec<Bucket> {
        self.filled.into_iter().map(|(_, bucket)| bucket).collect()
    }

    fn buckets(&self) -> &Buckets {
        &self.aggregation.buckets
    }

    /// The bucket of a summary; `None` before and after the range.
    fn place_of(&self, summary: &Summary) -> Result<Option<usize>, ComposeError> {
        let (first, last) = (summary.first.instant, summary.last.instant);
        let range = self.buckets().range();
        if last < range.start() || first >= range.end() {
            return Ok(None);
        }
        let place = self.buckets().find(first, self.place).ok_or(ComposeError::Straddles)?;
        if last < self.buckets().edges()[place + 1] {
            Ok(Some(place))
        } else {
            Err(ComposeError::Straddles)
        }
    }

    /// Adds the energy of a pair to each bucket that it touches.
    fn add_pair(&mut self, pair: Pair) {
        let Aggregation { buckets, rules } = &*self.aggregation;
        let range = buckets.range();
        if pair.from.micros_until(&pair.to) > rules.max_gap.micros() {
            return;
        }
        let mut from = pair.from.instant.max(range.start());
        let until = pair.to.instant.min(range.end());
        let Some(mut place) = buckets.find(from, self.place) else { return };
        while from < until {
            let end = self.buckets().edges()[place + 1].min(until);
            let energy = pair.energy(self.aggregation.rules.integration, from, end);
            self.bucket(place).add_energy(energy, micros_between(from, end));
            (from, place) = (end, place + 1);
        }
    }

    /// The bucket with an index that is not lower than that of the latest.
    fn bucket(&mut self, place: usize) -> &mut Bucket {
        let has_it = self.filled.last().is_some_and(|(last, _)| *last == place);
        if !has_it {
            let range = self.buckets().bucket(place);
            self.filled.push((place, Bucket::empty(range)));
            self.place = place;
        }
        let latest = self.filled.len() - 1;
        &mut self.filled[latest].1
    }
}

const fn micros_between(from: Instant, until: Instant) -> i64 {
    until.epoch_micros() - from.epoch_micros()
}
