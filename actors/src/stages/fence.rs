//! `Fence`: which entries of a bulk write must not be written, as another consumer has claimed or finished them.

use std::collections::{HashMap, HashSet};

use readings::store::codec::StreamEntry;
use readings::store::consumers::Ownership;
use readings::store::{Partition, StoreError, StreamId};

use super::batch::{PreparedWrite, by_partition, ids};
use super::write_log::log_claimed_by_other;
use crate::metrics::METRICS;
use crate::partition_context::PartitionContext;

/// The result of the ownership check; without one, all entries may be written.
#[derive(Default)]
pub(super) struct Fence(HashMap<Partition, PartitionFence>);

/// The entries of one partition.
struct PartitionFence {
    /// Entries that must be neither written nor acknowledged here.
    fenced: HashSet<StreamId>,
    /// Entries that may be written, and are no longer in the stream.
    deleted: HashSet<StreamId>,
}

impl Fence {
    /// Finds the entries that another consumer has claimed while this process was suspended or waited for
    /// Redis, and those that were dead-lettered since. The former are not even acknowledged: the other
    /// consumer may not have stored them yet. All others are written: if another consumer has stored and
    /// acknowledged one, writing it again is idempotent. The writes must be ordered by partition.
    pub async fn check(writes: &[PreparedWrite]) -> Result<Self, StoreError> {
        let mut fences = HashMap::new();
        for writes in by_partition(writes) {
            let partition = writes[0].partition.as_ref();
            let ids: Vec<_> = writes.iter().flat_map(|write| ids(&write.entries)).collect();
            fences.insert(partition.partition(), PartitionFence::check(partition, &ids).await?);
        }
        Ok(Self(fences))
    }

    /// The entries of a write that may be written.
    pub fn kept<'a>(
        &'a self,
        write: &'a PreparedWrite,
    ) -> impl Iterator<Item = &'a StreamEntry> + 'a {
        let fenced = self.fenced(write);
        let is_fenced =
            move |entry: &&StreamEntry| fenced.is_some_and(|ids| ids.contains(&entry.id));
        write.entries.iter().filter(move |entry| !is_fenced(entry))
    }

    /// Whether an entry of a write may be written.
    pub fn keeps_any(&self, write: &PreparedWrite) -> bool {
        self.0.is_empty() || self.kept(write).next().is_some()
    }

    /// The fenced entries of the partition of a write.
    pub fn fenced(&self, write: &PreparedWrite) -> Option<&HashSet<StreamId>> {
        self.of(write).map(|fence| &fence.fenced)
    }

    /// How many entries of a write may be written and are no longer in the stream.
    pub fn deleted(&self, write: &PreparedWrite) -> usize {
        let Some(PartitionFence { deleted, .. }) = self.of(write) else { return 0 };
        if deleted.is_empty() {
            return 0;
        }
        self.kept(write).filter(|entry| deleted.contains(&entry.id)).count()
    }

    fn of(&self, write: &PreparedWrite) -> Option<&PartitionFence> {
        // Almost always empty: spares a lookup per write.
        if self.0.is_empty() { None } else { self.0.get(&write.partition.partition()) }
    }
}

impl PartitionFence {
    async fn check(partition: &PartitionContext, ids: &[StreamId]) -> Result<Self, StoreError> {
        let PartitionContext { stream, pipeline, traces, deleted_ids, .. } = partition;
        let Ownership { claimed_by_other, not_pending, deleted } =
            stream.ownership(&pipeline.config.consumer, ids).await?;
        // Dead-lettering acknowledges an entry, so a dead-lettered one is not pending any more.
        let mut fenced = stream.dead_lettered_ids(&not_pending | &deleted).await?;
        let absent: Vec<_> = (&not_pending | &deleted).into_iter().collect();
        fenced.extend(deleted_ids.among(&absent).await?);
        let deleted = &deleted - &fenced;
        if !claimed_by_other.is_empty() {
            METRICS.claimed_by_other(claimed_by_other.len());
            traces.fail("claimed_by_other", claimed_by_other.iter().copied());
            log_claimed_by_other(claimed_by_other.len());
        }
        fenced.extend(claimed_by_other);
        Ok(Self { fenced, deleted })
    }
}
