//! The messages between the stages: entries with their permits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use readings::SiteId;
use readings::store::codec::StreamEntry;
use readings::store::dead_letters::DeadLetter;
use readings::store::write_batch::SiteWrite;
use readings::store::{Generation, StreamId};

use crate::flow::in_flight::InFlightPermit;
use crate::partition_context::PartitionContext;

/// Readings of one delivery, in stream order.
#[derive(Debug)]
pub(crate) struct ReadBatch {
    /// The partition of all entries.
    pub partition: Arc<PartitionContext>,
    pub entries: Vec<StreamEntry>,
    pub permit: InFlightPermit,
    /// When the delivery was requested, and so no later than when its entries became pending: from
    /// `claim_min_idle` after it on, another consumer may claim them.
    pub requested_at: Instant,
}

/// Readings of one site, in stream order.
#[derive(Debug)]
pub(crate) struct SiteBatch {
    /// As in [`ReadBatch`].
    pub partition: Arc<PartitionContext>,
    pub site: SiteId,
    pub entries: Vec<StreamEntry>,
    pub permit: InFlightPermit,
    /// As in [`ReadBatch`].
    pub requested_at: Instant,
}

/// Readings of one site with the command that stores them.
#[derive(Debug)]
pub(crate) struct PreparedWrite {
    /// As in [`ReadBatch`].
    pub partition: Arc<PartitionContext>,
    pub site: SiteId,
    pub entries: Vec<StreamEntry>,
    pub command: SiteWrite,
    pub permit: InFlightPermit,
    /// As in [`ReadBatch`].
    pub requested_at: Instant,
    /// The connection's generation in which the site was indexed last.
    pub indexed_in: Option<Generation>,
}

/// Entries that need not be delivered again: stored, or deleted from the stream.
#[derive(Debug)]
pub(crate) struct AckBatch {
    pub permit: InFlightPermit,
    /// The connection's generation in which Redis confirmed it. A server of a later generation may not
    /// have what this one stored.
    pub generation: Generation,
}

/// Entries that are to be dead-lettered.
#[derive(Debug)]
pub(crate) struct DeadLetterBatch {
    pub dead_letters: Vec<DeadLetter>,
    pub permit: InFlightPermit,
}

impl SiteBatch {
    /// Encodes the readings. A panic while it does is a processing failure of these entries.
    pub fn prepare(self, indexed_in: Option<Generation>) -> PreparedWrite {
        let Self { partition, site, entries, permit, requested_at } = self;
        let permit = permit.begin_work();
        fail::fail_point!("writer-before-zadd");
        let command = SiteWrite::new(&site, &entries, partition.deduplication.as_ref());
        let permit = permit.end_work();
        PreparedWrite { partition, site, entries, command, permit, requested_at, indexed_in }
    }

    /// One batch for each entry, in order.
    pub fn split(self) -> Vec<Self> {
        let Self { partition, site, entries, permit, requested_at } = self;
        let mut permits = permit.split();
        let mut batches = Vec::with_capacity(entries.len());
        for entry in entries {
            let permit = permits.split_off(vec![entry.id]);
            let (partition, site) = (Arc::clone(&partition), site.clone());
            batches.push(Self { partition, site, entries: vec![entry], permit, requested_at });
        }
        batches
    }
}

/// Splits a delivery by site; within a site the entries stay in stream order.
pub(crate) fn group_by_site(batch: ReadBatch) -> Vec<SiteBatch> {
    let ReadBatch { partition, entries, permit, requested_at } = batch;
    let groups = entries_by_site(entries);
    let mut permits = permit.split();
    let mut batches = Vec::with_capacity(groups.len());
    for (site, entries) in groups {
        let permit = permits.split_off(ids(&entries));
        let partition = Arc::clone(&partition);
        batches.push(SiteBatch { partition, site, entries, permit, requested_at });
    }
    batches
}

fn entries_by_site(entries: Vec<StreamEntry>) -> Vec<(SiteId, Vec<StreamEntry>)> {
    let mut index_of: HashMap<SiteId, usize> = HashMap::new();
    let mut groups: Vec<(SiteId, Vec<StreamEntry>)> = Vec::new();
    for entry in entries {
        // Found by reference: only the first entry of a site clones its name.
        if let Some(&index) = index_of.get(&entry.reading.site_id) {
            groups[index].1.push(entry);
        } else {
            let site = entry.reading.site_id.clone();
            index_of.insert(site.clone(), groups.len());
            groups.push((site, vec![entry]));
        }
    }
    groups
}

/// Orders writes by their partitions; those of a partition keep their order.
pub(crate) fn order_by_partition(writes: &mut [PreparedWrite]) {
    let partition = |write: &PreparedWrite| write.partition.partition();
    // Sorting allocates, also where nothing is to be moved.
    if !writes.is_sorted_by_key(partition) {
        writes.sort_by_key(partition);
    }
}

/// The writes of each partition; they must be ordered by it. None of the slices is empty.
pub(crate) fn by_partition(writes: &[PreparedWrite]) -> impl Iterator<Item = &[PreparedWrite]> {
    writes.chunk_by(|one, next| one.partition.partition() == next.partition.partition())
}

/// The ids of entries, in their order.
pub(crate) fn ids(entries: &[StreamEntry]) -> Vec<StreamId> {
    entries.iter().map(|entry| entry.id).collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::test_support::{context, entry, id};

    #[tokio::test]
    async fn a_delivery_is_split_by_site_in_stream_order_with_the_permits_of_its_entries() {
        let ten = NonZeroUsize::new(10).unwrap();
        let partition = Arc::new(context());
        let window = partition.window.clone();
        let entries = vec![entry(1, "a"), entry(2, "b"), entry(3, "a")];
        let permit = window.reserve(ten).await.fill(ids(&entries));
        let requested_at = Instant::now();
        let batches = group_by_site(ReadBatch { partition, entries, permit, requested_at });
        let seen: Vec<_> =
            batches.iter().map(|b| (b.site.as_str(), ids(&b.entries), b.permit.ids())).collect();
        let expected = [("a", vec![id(1), id(3)]), ("b", vec![id(2)])];
        assert_eq!(seen, expected.each_ref().map(|(s, ids)| (*s, ids.clone(), ids.as_slice())));
        assert!(!window.take_abandoned());
    }
}
