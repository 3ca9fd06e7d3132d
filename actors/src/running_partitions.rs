//! `RunningPartitions`: the partitions whose entries are processed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use readings::store::Partition;

use crate::partition_context::PartitionContext;

/// The contexts of the partitions that have actors; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningPartitions(Arc<Mutex<BTreeMap<Partition, Arc<PartitionContext>>>>);

impl RunningPartitions {
    /// Adds a partition.
    pub fn insert(&self, partition: Arc<PartitionContext>) {
        self.contexts().insert(partition.partition(), partition);
    }

    /// Removes a partition.
    pub fn remove(&self, partition: Partition) {
        self.contexts().remove(&partition);
    }

    /// All, in their order.
    pub fn all(&self) -> Vec<Arc<PartitionContext>> {
        self.contexts().values().cloned().collect()
    }

    fn contexts(&self) -> MutexGuard<'_, BTreeMap<Partition, Arc<PartitionContext>>> {
        // The map is consistent after each operation, also when a thread panicked between two.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
