//! Tracks how many entries are unread in a group, from samples of the group and its stream.
//!
//! The number is known when all unread entries were counted, and when no delivered entry is left in the
//! stream: then it is the stream's length. Such a sample also shows by how much the server's own count
//! (its lag) is wrong. That error is constant as long as the connection is, as the server adds and
//! subtracts correctly, and corrects the lag where more entries are unread than one sample counts. While
//! the error is unknown, too, each sample continues the count of the one before; until it has reached the
//! end, the number is a lower bound. Samples are taken concurrently: one whose entries another sample has
//! counted meanwhile adds nothing.

use super::info::GroupInfo;
use crate::store::stream_id::StreamId;

/// A number of unread entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// The number, or a lower bound where it is not exact. (For a user without permission to read
    /// entries: the server's lag, until a sample finds that all are delivered.)
    pub entries: u64,
    /// Whether it is exact, and not a bound.
    pub is_exact: bool,
}

/// A group and its stream at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupSample {
    /// Entries in the stream.
    pub length: u64,
    pub group: GroupInfo,
    /// Entries counted after `counted_after`; `None` where entries may not be read, or not now.
    pub counted: Option<u64>,
    /// [`UnreadTracker::continues_after`] when the sample was requested; the last delivered id if that was
    /// `None`.
    pub counted_after: StreamId,
    /// The last counted entry.
    pub last_counted: StreamId,
    /// Whether no entries follow it.
    pub is_complete: bool,
    /// Whether delivered entries are in the stream; true where that was not checked.
    pub has_delivered: bool,
    /// Entries ever added to the stream.
    pub entries_added: Option<u64>,
    /// Bytes of the counted entries.
    pub counted_bytes: u64,
    /// Bytes of the first and last entry, where they were read.
    pub preview_bytes: u64,
}

/// The knowledge about a group's unread entries.
#[derive(Debug, Clone, Default)]
pub(super) enum UnreadTracker {
    #[default]
    Unknown,
    /// The server's lag is too high by this number.
    LagError(i64),
    Counting(PartialCount),
}

/// A count that has not reached the end.
#[derive(Debug, Clone)]
pub(super) struct PartialCount {
    /// The last delivered id when it began.
    began_after: StreamId,
    /// Entries ever delivered when it began, as the server counts them.
    entries_read: Option<u64>,
    last_counted: StreamId,
    entries: u64,
}

impl PartialCount {
    fn begin(sample: &GroupSample) -> Self {
        let GroupInfo { last_delivered_id: began_after, entries_read, .. } = sample.group;
        Self { began_after, entries_read, last_counted: began_after, entries: 0 }
    }

    fn add(&mut self, sample: &GroupSample) {
        self.last_counted = sample.last_counted;
        self.entries += sample.counted.unwrap_or_default();
    }

    /// Of the counted entries, those delivered since it began; `None` where that is unknown.
    fn delivered(&self, group: &GroupInfo) -> Option<u64> {
        if group.last_delivered_id == self.began_after {
            return Some(0);
        }
        let is_within = self.began_after < group.last_delivered_id
            && group.last_delivered_id <= self.last_counted;
        let delivered = group.entries_read?.checked_sub(self.entries_read?)?;
        (is_within && delivered <= self.entries).then_some(delivered)
    }
}

impl UnreadTracker {
    /// The id after which the next sample counts; `None` for the last delivered one.
    pub fn continues_after(&self) -> Option<StreamId> {
        match self {
            Self::Counting(count) => Some(count.last_counted),
            _ => None,
        }
    }

    /// Updates the knowledge with a sample. Returns the number of unread entries.
    pub fn update(&mut self, sample: &GroupSample) -> Unread {
        let lag = sample.group.reported_lag;
        let Some(counted) = sample.counted else { return self.update_uncounted(sample) };
        if !self.is_continued_by(sample) {
            return self.without_count(sample);
        }
        let exact = self.exact(sample);
        // An exact number reveals the error of the lag, which corrects later samples that count less.
        if let (Some(entries), Some(lag)) = (exact, lag) {
            *self = Self::LagError(lag.saturating_sub_unsigned(entries));
            return Unread { entries, is_exact: true };
        }
        if let (Self::LagError(error), Some(lag)) = (&*self, lag) {
            return corrected(lag, *error, counted, sample);
        }
        // The error is unknown, or Redis reports no lag: the count continues over several samples.
        self.count(sample);
        let entries = exact.unwrap_or_else(|| self.lower_bound(sample));
        Unread { entries, is_exact: exact.is_some() }
    }

    /// Whether the counted entries follow those that are counted already.
    fn is_continued_by(&self, sample: &GroupSample) -> bool {
        let expected = self.continues_after().unwrap_or(sample.group.last_delivered_id);
        sample.counted_after == expected
    }

    /// The number as a sample shows it whose counted entries another sample has counted.
    fn without_count(&self, sample: &GroupSample) -> Unread {
        if !sample.has_delivered || sample.length == 0 {
            return Unread { entries: sample.length, is_exact: true };
        }
        match (self, sample.group.reported_lag) {
            (Self::LagError(error), Some(lag)) => corrected(lag, *error, 0, sample),
            _ => Unread { entries: self.lower_bound(sample), is_exact: false },
        }
    }

    /// The exact number, if the sample shows it.
    fn exact(&self, sample: &GroupSample) -> Option<u64> {
        if !sample.has_delivered || sample.length == 0 {
            return Some(sample.length);
        }
        let counted = sample.counted.filter(|_| sample.is_complete)?;
        match self {
            Self::Counting(count) => {
                Some(count.entries + counted - count.delivered(&sample.group)?)
            }
            _ => Some(counted),
        }
    }

    /// Continues the count or begins one; a count that deliveries have overtaken is dropped.
    fn count(&mut self, sample: &GroupSample) {
        match self {
            Self::Counting(count) if count.delivered(&sample.group).is_none() => {
                *self = Self::Unknown;
            }
            Self::Counting(count) => count.add(sample),
            _ => {
                let mut count = PartialCount::begin(sample);
                count.add(sample);
                *self = Self::Counting(count);
            }
        }
    }

    fn lower_bound(&self, sample: &GroupSample) -> u64 {
        match self {
            Self::Counting(count) => {
                count.entries - count.delivered(&sample.group).unwrap_or(count.entries)
            }
            _ => 0,
        }
    }

    /// Without counted entries only "all are delivered" may be certain.
    fn update_uncounted(&mut self, sample: &GroupSample) -> Unread {
        let lag = sample.group.reported_lag;
        if sample.is_complete || sample.length == 0 {
            *self = lag.map_or(Self::Unknown, Self::LagError);
            return Unread { entries: 0, is_exact: true };
        }
        match (&*self, lag) {
            (Self::LagError(error), Some(lag)) => corrected(lag, *error, 0, sample),
            (_, Some(lag)) => Unread { is_exact: false, ..corrected(lag, 0, 0, sample) },
            _ => Unread { entries: sample.length, is_exact: false },
        }
    }
}

/// The server's lag without its error: never below the counted entries, never above the stream's length.
fn corrected(lag: i64, error: i64, counted: u64, sample: &GroupSample) -> Unread {
    let entries = u64::try_from(lag.saturating_sub(error)).unwrap_or_default();
    Unread { entries: entries.max(counted).min(sample.length), is_exact: true }
}

#[cfg(test)]
mod tests;
