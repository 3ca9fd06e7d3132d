//! Which of several readings of a device and an instant is kept.

use crate::store::keys::Keys;
use crate::store::stream_id::StreamId;

/// A policy, and where the ids of readings that it does not keep are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deduplication {
    pub(super) policy: DedupPolicy,
    /// The key of the deleted ids.
    pub(super) deleted_ids: String,
}

impl Deduplication {
    /// The deduplication of the readings of a stream; `None` if all are kept.
    #[must_use]
    pub fn new(policy: DedupPolicy, keys: &Keys) -> Option<Self> {
        let deduplication = Self { policy, deleted_ids: keys.deleted_ids() };
        (policy != DedupPolicy::None).then_some(deduplication)
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

    /// Whether the first of two readings of one key is kept rather than the other. A text that is no stream id
    /// (`None`) is lower than all.
    pub(super) fn prefers(self, one: Option<StreamId>, other: Option<StreamId>) -> bool {
        if self == Self::First { one < other } else { one > other }
    }
}
