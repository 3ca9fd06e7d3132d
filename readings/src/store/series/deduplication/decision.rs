//! Decides between an entry and the members of its instant.

use super::outcome::SiteOutcome;
use super::policy::DedupPolicy;
use crate::store::codec::{StoredReading, StreamEntry};
use crate::store::stream_id::StreamId;

/// Which members remain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    pub is_stored: bool,
    pub is_kept: bool,
    pub removed: Vec<(Option<StreamId>, Vec<u8>)>,
}

impl Decision {
    /// The ids that become deleted ids.
    pub fn forgotten(&self, entry: &StreamEntry) -> Vec<StreamId> {
        let dropped = (!self.is_kept).then_some(entry.id);
        self.removed.iter().filter_map(|(id, _)| *id).chain(dropped).collect()
    }

    pub fn outcome(self, entry: &StreamEntry) -> SiteOutcome {
        SiteOutcome {
            added: u64::from(self.is_kept),
            dropped: if self.is_kept { Vec::new() } else { vec![entry.id] },
            replaced: self.removed.into_iter().filter_map(|(id, _)| id).collect(),
            ..SiteOutcome::default()
        }
    }
}

/// Decides between an entry and the members of its score.
pub(super) fn decide(policy: DedupPolicy, entry: &StreamEntry, members: &[Vec<u8>]) -> Decision {
    let same = |member: &Vec<u8>| {
        let stored = StoredReading::from_member(member).ok()?;
        let (instant, id) = stored.order();
        let is_same = stored.device_id() == entry.reading.device_id.as_str()
            && instant == Some(entry.reading.timestamp.instant());
        is_same.then(|| (id, member.clone()))
    };
    let mut same: Vec<_> = members.iter().filter_map(same).collect();
    if same.iter().any(|(id, _)| *id == Some(entry.id)) {
        return Decision { is_stored: true, ..Decision::default() };
    }
    let mut best = Some(entry.id);
    for (id, _) in &same {
        if policy.prefers(*id, best) {
            best = *id;
        }
    }
    let is_kept = best == Some(entry.id);
    // Of several that are not an entry's, the last in the order of their bytes remains.
    let remains = same.iter().rposition(|(id, _)| *id == best).filter(|_| !is_kept);
    if let Some(remains) = remains {
        same.remove(remains);
    }
    Decision { is_stored: false, is_kept, removed: same }
}
