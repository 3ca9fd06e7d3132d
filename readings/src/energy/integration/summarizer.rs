//! Readings of one device become summaries, one for each part of time.

use super::rules::Rules;
use super::sample::Sample;
use super::summary::Summary;
use crate::iso8601::Instant;

/// A quarter of an hour, in microseconds. Offsets of all present zones are multiples of it.
pub const QUARTER_MICROS: i64 = 900 * 1_000_000;

/// The number of the quarter of an hour that an instant is in, from the Unix epoch on.
#[must_use]
pub const fn quarter_of(instant: Instant) -> i64 {
    instant.epoch_micros().div_euclid(QUARTER_MICROS)
}

/// The end of the quarter that an instant is in.
pub(in crate::energy) const fn end_of_quarter(instant: Instant) -> Instant {
    Instant::from_epoch_micros((quarter_of(instant) + 1).saturating_mul(QUARTER_MICROS))
}

/// What became of a reading.
#[derive(Debug)]
pub(in crate::energy) enum Pushed {
    /// It is held until the next one.
    Held,
    /// It begins a part of time; this is the summary of the part before.
    Finished(Summary),
    /// It is not finite, or earlier than the one before.
    Ignored,
}

/// The summary of the present part of time of one device. A reading is added to it only when a later one has
/// arrived: until then it may be replaced.
#[derive(Debug, Default)]
pub(in crate::energy) struct Summarizer {
    /// The latest reading and the number of those that it replaced.
    held: Option<(Sample, u64)>,
    /// The summary before it, and the end of the part of time that it is of.
    current: Option<(Summary, Instant)>,
}

impl Summarizer {
    /// Adds a reading; those of one device arrive in the order of instants, and of one instant in the order of
    /// their stream ids. `end_of` gives the end of the part of time that an instant is in.
    pub fn push(
        &mut self,
        sample: Sample,
        rules: Rules,
        end_of: impl FnOnce(Instant) -> Instant,
    ) -> Pushed {
        match &mut self.held {
            _ if !sample.watts.is_finite() => Pushed::Ignored,
            Some((held, _)) if sample.instant < held.instant => Pushed::Ignored,
            Some((held, repeats)) if sample.instant == held.instant => {
                held.watts = sample.watts;
                *repeats += 1;
                Pushed::Held
            }
            held => {
                let settled = held.replace((sample, 0));
                settled.map_or(Pushed::Held, |(held, repeats)| {
                    self.settle(held, repeats, rules, end_of)
                })
            }
        }
    }

    /// Adds a reading that is not replaced any more.
    fn settle(
        &mut self,
        sample: Sample,
        repeats: u64,
        rules: Rules,
        end_of: impl FnOnce(Instant) -> Instant,
    ) -> Pushed {
        if let Some((summary, end)) = &mut self.current
            && sample.instant < *end
        {
            summary.add(sample, repeats, rules);
            return Pushed::Held;
        }
        let next = (Summary::of(sample, repeats), end_of(sample.instant));
        self.current.replace(next).map_or(Pushed::Held, |(summary, _)| Pushed::Finished(summary))
    }

    /// The last summaries: at most two, as the last reading may be in a part of time of its own.
    pub fn finish(
        mut self,
        rules: Rules,
        end_of: impl FnOnce(Instant) -> Instant,
    ) -> impl Iterator<Item = Summary> {
        let mut finished = None;
        if let Some((sample, repeats)) = self.held.take()
            && let Pushed::Finished(summary) = self.settle(sample, repeats, rules, end_of)
        {
            finished = Some(summary);
        }
        finished.into_iter().chain(self.current.map(|(summary, _)| summary))
    }
}
