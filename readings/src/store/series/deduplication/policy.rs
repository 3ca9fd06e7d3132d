//! Which of several readings of a device and an instant is kept.

use crate::store::keys::Keys;
use crate::store::stream_id::StreamId;

/// A policy, and where the ids of readings that it does not keep are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deduplication {
    pub(super) policy: DedupPolicy,
    /// The key of the deleted ids.
    pub(super) deleted_ids: String,
    /// The key of the uncompared days.
    pub(super) uncompared_days: String,
    /// Whether a script may have the keys of a site's readings, of its rollups, and of the deleted ids. In a Redis Cluster
    /// they are in different slots.
    pub(super) has_all_keys: bool,
}

impl Deduplication {
    /// The deduplication of the readings of a stream; `None` if all are kept.
    #[must_use]
    pub fn new(policy: DedupPolicy, keys: &Keys) -> Option<Self> {
        (policy != DedupPolicy::None).then(|| Self {
            policy,
            deleted_ids: keys.deleted_ids(),
            uncompared_days: keys.uncompared_days(),
            has_all_keys: !keys.are_in_one_slot(),
        })
    }

    /// Whether its writes store no entry with a deleted id; else a writer asks after its writes.
    #[must_use]
    pub const fn knows_deleted_ids(&self) -> bool {
        self.has_all_keys
    }
}

/// Which of several readings of a device and an instant is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DedupPolicy {
    /// All.
    #[default]
    None,
    /// The one that was accepted first: that with the lowest stream id.
    First,
    /// The one that was accepted last: that with the highest stream id.
    Last,
}

impl DedupPolicy {
    /// The name as settings have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    /// The policy of a name that keeps one reading of several; `None` for another name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::First, Self::Last].into_iter().find(|policy| policy.name() == name)
    }

    /// Whether the first of two readings of one key is kept rather than the other. A text that is no stream id
    /// (`None`) is lower than all.
    pub(in crate::store) fn prefers(self, one: Option<StreamId>, other: Option<StreamId>) -> bool {
        if self == Self::First { one < other } else { one > other }
    }
}
