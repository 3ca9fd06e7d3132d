//! Which partitions are current, for all connections of a process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::recorded_counts::RecordedCounts;
use crate::store::keys::Keys;
use crate::store::partition::{Partition, PartitionCount};

/// Follows the changes of the current partitions, whose order is that of [`Partition`].
pub type PartitionChanges = watch::Receiver<Arc<[Partition]>>;

/// What the instances of [`StreamPartitions`](super::StreamPartitions) of one process share.
#[derive(Debug)]
pub(super) struct PartitionSet {
    /// The keys of the whole stream.
    pub keys: Keys,
    pub count: PartitionCount,
    current: watch::Sender<Arc<[Partition]>>,
    state: Mutex<State>,
}

/// What was read and written last.
#[derive(Debug, Default)]
pub(super) struct State {
    pub recorded: RecordedCounts,
    /// Other counts that were fresh at the last refresh, so that each is logged once.
    pub differing: BTreeSet<PartitionCount>,
    /// When this process has announced a count.
    pub announced: Vec<(PartitionCount, Instant)>,
    /// Until when the counts are not read, as Redis denied it.
    pub denied_until: Option<Instant>,
}

impl PartitionSet {
    pub fn new(keys: &Keys, count: PartitionCount) -> Self {
        let own: Arc<[_]> = count.partitions().collect();
        let keys = keys.of_partition(Partition::Whole);
        Self { keys, count, current: watch::Sender::new(own), state: Mutex::default() }
    }

    pub fn current(&self) -> Arc<[Partition]> {
        Arc::clone(&self.current.borrow())
    }

    pub fn changes(&self) -> PartitionChanges {
        self.current.subscribe()
    }

    /// Makes these partitions the current ones; returns whether they were others before.
    pub fn set_current(&self, partitions: BTreeSet<Partition>) -> bool {
        self.current.send_if_modified(|current| {
            let differs = !partitions.iter().eq(current.iter());
            if differs {
                *current = partitions.into_iter().collect();
            }
            differs
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is safe: each value is replaced as a whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
