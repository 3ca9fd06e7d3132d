//! The buckets of a range.

use super::edges::{edge_before, edges_after};
use super::interval::Interval;
use super::range::Range;
use super::zone::Zone;
use crate::iso8601::Instant;

/// Buckets of one question. Too low and a month by minutes needs several questions; too high and a response is
/// more than a chart or a reader can use (emoncms: 20,000 points).
pub const MAX_BUCKETS: usize = 20_000;

/// A range, cut into buckets. The first and the last one are shorter where the range begins or ends inside of
/// an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    range: Range,
    /// Ascending, one more than there are buckets; begins and ends with the range.
    edges: Vec<Instant>,
}

/// Why a range is not cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// More than [`MAX_BUCKETS`].
    #[error(
        "interval={interval} gives more than {MAX_BUCKETS} buckets in this range, send interval={fits} or a shorter range"
    )]
    TooMany {
        /// The interval.
        interval: Interval,
        /// The shortest one that fits.
        fits: Interval,
    },
    /// A bound that no calendar has.
    #[error("the range is outside of the calendar (years are 0001 to 9999)")]
    OutsideOfCalendar,
}

/// Instants of the years 0000 to 10000, so that each offset of a timestamp of the years 0001 to 9999 is in it.
const CALENDAR: std::ops::RangeInclusive<i64> = -62_167_219_200_000_000..=253_433_923_200_000_000;

impl Buckets {
    /// Cuts a range where the local time of a zone begins an interval.
    ///
    /// # Errors
    /// When the buckets are too many, or the range is outside of the calendar.
    pub fn new(range: Range, interval: Interval, zone: Zone) -> Result<Self, BucketError> {
        check_calendar(range)?;
        let cut = |interval: Interval| Self::cut(range, interval, zone, MAX_BUCKETS);
        cut(interval).ok_or_else(|| {
            let fits = |longer: &Interval| *longer > interval && cut(*longer).is_some();
            let fits = Interval::ALL.into_iter().find(fits).unwrap_or(Interval::YEAR);
            BucketError::TooMany { interval, fits }
        })
    }

    /// Cuts a range into the shortest intervals of which it has at most `points`, with the interval; into years
    /// where no interval has so few.
    ///
    /// # Errors
    /// When the range is outside of the calendar.
    pub fn at_most(
        points: usize,
        range: Range,
        zone: Zone,
    ) -> Result<(Interval, Self), BucketError> {
        check_calendar(range)?;
        let most = points.min(MAX_BUCKETS);
        let cut = |interval: Interval| Some((interval, Self::cut(range, interval, zone, most)?));
        match Interval::ALL.into_iter().find_map(cut) {
            Some(cut) => Ok(cut),
            None => Ok((Interval::YEAR, Self::new(range, Interval::YEAR, zone)?)),
        }
    }

    /// The range as one bucket.
    ///
    /// # Errors
    /// When it is outside of the calendar.
    pub fn one(range: Range) -> Result<Self, BucketError> {
        check_calendar(range).map(|()| Self::whole(range))
    }

    /// The range as one bucket, also outside of the calendar.
    #[must_use]
    pub fn whole(range: Range) -> Self {
        Self { range, edges: vec![range.start(), range.end()] }
    }

    /// `None` when there are more buckets than `most`.
    fn cut(range: Range, interval: Interval, zone: Zone, most: usize) -> Option<Self> {
        if !may_fit(range, interval, most) {
            return None;
        }
        let mut edges = vec![range.start()];
        for edge in edges_after(range.start(), interval, zone) {
            if edge >= range.end() {
                break;
            }
            if edges.len() == most {
                return None;
            }
            edges.push(edge);
        }
        edges.push(range.end());
        Some(Self { range, edges })
    }

    /// Their edges, ascending; one more than there are buckets.
    #[must_use]
    pub fn edges(&self) -> &[Instant] {
        &self.edges
    }

    /// The range of all of them.
    #[must_use]
    pub const fn range(&self) -> Range {
        self.range
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.edges.len() - 1
    }
}

impl Buckets {
    /// The range of the bucket with an index, which must be below their count.
    pub(in crate::energy) fn bucket(&self, index: usize) -> Range {
        Range::between(self.edges[index], self.edges[index + 1])
    }

    /// The index of the bucket of an instant, looked for from the bucket with an index that is not later.
    pub(in crate::energy) fn find(&self, instant: Instant, from: usize) -> Option<usize> {
        if !self.range.contains(instant) {
            return None;
        }
        let rest = &self.edges[from + 1..];
        // Most often it is this one or the next.
        let passed = match rest.first() {
            Some(end) if instant < *end => 0,
            _ => rest.partition_point(|edge| *edge <= instant),
        };
        Some(from + passed)
    }

    /// The first edge after an instant; `None` from the end on.
    pub(in crate::energy) fn next_edge(&self, instant: Instant) -> Option<Instant> {
        self.edges.get(self.edges.partition_point(|edge| *edge <= instant)).copied()
    }
}

impl Interval {
    /// Where the interval begins that an instant is in, by the clock of a zone; `None` where no calendar is.
    #[must_use]
    pub fn beginning(self, at: Instant, zone: Zone) -> Option<Instant> {
        edge_before(at, self, zone)
    }
}

/// Whether a range has few enough intervals for an attempt: some are shorter than usual (days of 23 hours, months
/// of 28 days), by a tenth at most.
fn may_fit(range: Range, interval: Interval, most: usize) -> bool {
    let intervals = range.micros() / 1_000_000 / interval.nominal_seconds();
    usize::try_from(intervals).is_ok_and(|intervals| intervals / 11 <= most / 10)
}

fn check_calendar(range: Range) -> Result<(), BucketError> {
    let bounds = [range.start(), range.end()].map(Instant::epoch_micros);
    let is_inside = bounds.iter().all(|bound| CALENDAR.contains(bound));
    if is_inside { Ok(()) } else { Err(BucketError::OutsideOfCalendar) }
}
