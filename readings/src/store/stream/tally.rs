//! How many entries a group has not been delivered, from what was seen of it.
//!
//! Known is it where all unread entries were counted, and where none that was delivered is in the stream
//! any more: then it is the stream's length. At such a moment it shows, too, by how much the server's
//! own count is wrong. That stays the same as long as the connection does, as the server adds and
//! subtracts rightly, and serves where there are more unread entries than one look counts. Where that is
//! not known either, each look counts on from where the last stopped; until it has come to the end the
//! number is only bounded.

use super::backlog::Unread;
use super::group_info::GroupStatus;
use crate::store::StreamId;

/// A group and its stream at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// Entries in the stream.
    pub length: u64,
    pub group: GroupStatus,
    /// Entries counted after [`Tally::counts_on_from`]; `None` where entries may not be read, or not now.
    pub counted: Option<u64>,
    /// The last of them.
    pub last: StreamId,
    /// Whether there are no more.
    pub all: bool,
    /// Whether entries are in the stream that were delivered; true where that was not looked for.
    pub below: bool,
    /// Entries ever added to the stream.
    pub added: Option<u64>,
    /// Bytes of the entries that were counted.
    pub counted_bytes: u64,
    /// Bytes of the entries at the ends of the stream, where they were looked at.
    pub shown_bytes: u64,
}

/// What is known of a group.
#[derive(Debug, Clone, Default)]
pub(super) enum Tally {
    #[default]
    Nothing,
    /// The server's count is too high by so much.
    Error(i64),
    Counting(Count),
}

/// A count that has not come to the end.
#[derive(Debug, Clone)]
pub(super) struct Count {
    /// What was delivered last when it began.
    since: StreamId,
    /// Entries that were read when it began, as the server counts them.
    read: Option<u64>,
    /// The last entry counted.
    at: StreamId,
    entries: u64,
}

impl Count {
    fn begin(look: &Look) -> Self {
        let GroupStatus { last_delivered_id: since, entries_read: read, .. } = look.group;
        Self { since, read, at: since, entries: 0 }
    }

    fn go_on(&mut self, look: &Look) {
        self.at = look.last;
        self.entries += look.counted.unwrap_or_default();
    }

    /// Of what was counted, entries delivered since; `None` where that is not known.
    fn delivered(&self, group: &GroupStatus) -> Option<u64> {
        if group.last_delivered_id == self.since {
            return Some(0);
        }
        let is_within = self.since < group.last_delivered_id && group.last_delivered_id <= self.at;
        let delivered = group.entries_read?.checked_sub(self.read?)?;
        (is_within && delivered <= self.entries).then_some(delivered)
    }
}

impl Tally {
    /// Where the next look counts from: `None` for what was delivered last.
    pub fn counts_on_from(&self) -> Option<StreamId> {
        match self {
            Self::Counting(count) => Some(count.at),
            _ => None,
        }
    }

    /// Draws conclusions from a look.
    pub fn judge(&mut self, look: &Look) -> Unread {
        let reported = look.group.reported_lag;
        let Some(counted) = look.counted else { return self.judge_uncounted(look) };
        let known = self.known(look);
        if let (Some(exact), Some(reported)) = (known, reported) {
            *self = Self::Error(reported.saturating_sub_unsigned(exact));
            return Unread { entries: exact, is_exact: true };
        }
        if let (Self::Error(error), Some(reported)) = (&*self, reported) {
            return corrected(reported, *error, counted, look);
        }
        self.count(look);
        let entries = known.unwrap_or_else(|| self.bound(look));
        Unread { entries, is_exact: known.is_some() }
    }

    /// The number, if the look tells.
    fn known(&self, look: &Look) -> Option<u64> {
        if !look.below || look.length == 0 {
            return Some(look.length);
        }
        let counted = look.counted.filter(|_| look.all)?;
        match self {
            Self::Counting(count) => Some(count.entries + counted - count.delivered(&look.group)?),
            _ => Some(counted),
        }
    }

    /// Goes on with the count, or begins one; one that was overtaken by deliveries is given up.
    fn count(&mut self, look: &Look) {
        match self {
            Self::Counting(count) if count.delivered(&look.group).is_none() => {
                *self = Self::Nothing;
            }
            Self::Counting(count) => count.go_on(look),
            _ => {
                let mut count = Count::begin(look);
                count.go_on(look);
                *self = Self::Counting(count);
            }
        }
    }

    fn bound(&self, look: &Look) -> u64 {
        match self {
            Self::Counting(count) => {
                count.entries - count.delivered(&look.group).unwrap_or(count.entries)
            }
            _ => 0,
        }
    }

    /// Where nothing was counted: only that all are delivered may be known for sure.
    fn judge_uncounted(&mut self, look: &Look) -> Unread {
        let reported = look.group.reported_lag;
        if look.all || look.length == 0 {
            *self = reported.map_or(Self::Nothing, Self::Error);
            return Unread { entries: 0, is_exact: true };
        }
        match (&*self, reported) {
            (Self::Error(error), Some(reported)) => corrected(reported, *error, 0, look),
            (_, Some(reported)) => Unread { is_exact: false, ..corrected(reported, 0, 0, look) },
            _ => Unread { entries: look.length, is_exact: false },
        }
    }
}

/// The server's count less its error: never less than what was counted, and never more than there is.
fn corrected(reported: i64, error: i64, counted: u64, look: &Look) -> Unread {
    let entries = u64::try_from(reported.saturating_sub(error)).unwrap_or_default();
    Unread { entries: entries.max(counted).min(look.length), is_exact: true }
}

#[cfg(test)]
mod tests;
