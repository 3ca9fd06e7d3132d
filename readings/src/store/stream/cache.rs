//! The memory that all clones of a [`ReadingStream`](super::ReadingStream) share.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use super::info::StreamInfo;
use super::scan_throttle::ScanThrottle;
use super::unread::UnreadTracker;
use crate::store::connection::Generation;

/// Groups that are remembered. Too low and large backlogs of many groups are counted again and again;
/// too high and names of deleted groups are kept.
const MAX_GROUPS: usize = 100;

/// The memory that all clones of a stream share.
#[derive(Debug, Default)]
pub(super) struct StreamCache {
    pub trackers: UnreadTrackers,
    /// Limits the entries that are counted.
    pub counting: ScanThrottle,
    /// Limits the reads of the stream's first and last entry.
    pub previews: ScanThrottle,
    /// The last description of the stream; locked while it is read, so that large entries are read by
    /// one script at a time.
    pub last_info: AsyncMutex<Option<StreamInfo>>,
    /// Whether the consumer group has existed in this process' time.
    pub group_existed: AtomicBool,
    /// Whether it is logged that the server does not report deleted pending entries.
    pub deleted_unreported: AtomicBool,
}

/// The tracker of each group's unread entries.
#[derive(Debug, Default)]
pub(super) struct UnreadTrackers(Mutex<HashMap<String, (Generation, UnreadTracker)>>);

impl UnreadTrackers {
    /// Calls `act` with the tracker of a group in a generation. A new generation begins with an empty
    /// tracker, as its server may count differently.
    pub fn with<T>(
        &self,
        group: &str,
        generation: Generation,
        act: impl FnOnce(&mut UnreadTracker) -> T,
    ) -> T {
        // A poisoned lock is safe: a tracker is consistent after each of its changes.
        let mut trackers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if trackers.len() > MAX_GROUPS {
            trackers.clear();
        }
        let known = trackers
            .entry(group.to_owned())
            .or_insert_with(|| (generation, UnreadTracker::default()));
        if known.0 != generation {
            *known = (generation, UnreadTracker::default());
        }
        act(&mut known.1)
    }

    /// Removes the tracker of a group that does not exist any more.
    pub fn remove(&self, group: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(group);
    }
}
