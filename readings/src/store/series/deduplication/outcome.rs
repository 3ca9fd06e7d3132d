//! What a write has done.

use redis::Value;

use crate::store::connection::reply;
use crate::store::stream_id::StreamId;

/// What the write of a site has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteOutcome {
    /// Readings that were not stored before.
    pub added: u64,
    /// Entries that were not stored, because another reading of their device and instant is kept.
    pub dropped: Vec<StreamId>,
    /// Entries whose readings were removed, for the same reason.
    pub replaced: Vec<StreamId>,
    /// Positions of entries that are not stored, and have to be compared exactly.
    pub(super) undecided: Vec<usize>,
}

impl SiteOutcome {
    /// The outcome of a plain `ZADD`, or of the script.
    pub(in super::super) fn of(value: Value) -> Option<Self> {
        if let Some(added) = reply::integer(&value) {
            return Some(Self { added, ..Self::default() });
        }
        let [added, dropped, replaced, undecided] =
            <[Value; 4]>::try_from(reply::array(value)?).ok()?;
        let position = |value| usize::try_from(reply::integer(&value)?).ok();
        Some(Self {
            added: reply::integer(&added)?,
            dropped: reply::array(dropped)?.into_iter().filter_map(reply::stream_id).collect(),
            // Members of other programs may have ids of another form.
            replaced: reply::array(replaced)?.into_iter().filter_map(reply::stream_id).collect(),
            undecided: reply::array(undecided)?.into_iter().map(position).collect::<Option<_>>()?,
        })
    }

    /// Adds what another write of the site has done.
    pub(super) fn add(&mut self, other: Self) {
        self.added += other.added;
        self.dropped.extend(other.dropped);
        self.replaced.extend(other.replaced);
    }
}
