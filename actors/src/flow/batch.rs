//! What travels between the actors: entries with their permits.

use std::collections::HashMap;
use std::time::Instant;

use readings::SiteId;
use readings::store::codec::StreamEntry;
use readings::store::dead_letters::DeadLetter;
use readings::store::insertions::Insertion;
use readings::store::{Epoch, StreamId};

use crate::flow::in_flight::InFlightPermit;

/// Readings of one delivery, in stream order.
#[derive(Debug)]
pub(crate) struct ReadBatch {
    pub entries: Vec<StreamEntry>,
    pub permit: InFlightPermit,
    /// When they were asked for: another consumer may take them over so much later.
    pub delivered: Instant,
}

/// Readings of one site, in stream order.
#[derive(Debug)]
pub(crate) struct SiteBatch {
    pub site: SiteId,
    pub entries: Vec<StreamEntry>,
    pub permit: InFlightPermit,
    /// As in [`ReadBatch`].
    pub delivered: Instant,
}

/// Readings of one site that its writer has made ready to be stored.
#[derive(Debug)]
pub(crate) struct SiteCommit {
    pub site: SiteId,
    pub entries: Vec<StreamEntry>,
    /// The command that stores them.
    pub insertion: Insertion,
    pub permit: InFlightPermit,
    /// As in [`ReadBatch`].
    pub delivered: Instant,
    /// When the site was last sent to be listed in the index.
    pub listed: Option<Epoch>,
}

/// Entries that need not be delivered again: stored, or gone.
#[derive(Debug)]
pub(crate) struct AckBatch {
    pub permit: InFlightPermit,
    /// When Redis said so: a server that has taken its place may have to be told anew.
    pub epoch: Epoch,
}

/// Entries that go to the dead-letter stream.
#[derive(Debug)]
pub(crate) struct DeadLetterBatch {
    pub letters: Vec<DeadLetter>,
    pub permit: InFlightPermit,
}

impl SiteBatch {
    /// Makes the readings ready to be stored. A panic meanwhile is their own failure.
    pub fn into_commit(self, listed: Option<Epoch>) -> SiteCommit {
        let Self { site, entries, permit, delivered } = self;
        let permit = permit.taken_in_hand();
        fail::fail_point!("writer-before-zadd");
        let insertion = Insertion::new(&site, &entries);
        SiteCommit { site, entries, insertion, permit: permit.handed_on(), delivered, listed }
    }

    /// One batch for each entry, in order.
    pub fn into_singles(self) -> Vec<Self> {
        let Self { site, entries, permit, delivered } = self;
        let permits = permit.partition(entries.iter().map(|entry| vec![entry.id]));
        let single = |(entry, permit)| {
            let entries = vec![entry];
            Self { site: site.clone(), entries, permit, delivered }
        };
        entries.into_iter().zip(permits).map(single).collect()
    }
}

/// Splits a delivery by site; within a site the order stays that of the stream.
pub(crate) fn group_by_site(batch: ReadBatch) -> Vec<SiteBatch> {
    let ReadBatch { entries, permit, delivered } = batch;
    let mut places: HashMap<SiteId, usize> = HashMap::new();
    let mut groups: Vec<Vec<StreamEntry>> = Vec::new();
    for entry in entries {
        if let Some(&place) = places.get(&entry.reading.site_id) {
            groups[place].push(entry);
        } else {
            places.insert(entry.reading.site_id.clone(), groups.len());
            groups.push(vec![entry]);
        }
    }
    let permits = permit.partition(groups.iter().map(|entries| ids(entries)));
    let site_batch = |(entries, permit): (Vec<StreamEntry>, _)| {
        let site = entries.first()?.reading.site_id.clone();
        Some(SiteBatch { site, entries, permit, delivered })
    };
    groups.into_iter().zip(permits).filter_map(site_batch).collect()
}

/// The ids of entries, in their order.
pub(crate) fn ids(entries: &[StreamEntry]) -> Vec<StreamId> {
    entries.iter().map(|entry| entry.id).collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use readings::{DeviceId, Power, Reading, Timestamp};

    use super::*;
    use crate::flow::in_flight::InFlightWindow;

    fn entry(ms: u64, site: &str) -> StreamEntry {
        StreamEntry {
            id: StreamId { ms, seq: 0 },
            reading: Reading {
                site_id: SiteId::new(site).unwrap(),
                device_id: DeviceId::new("meter").unwrap(),
                power: Power::from_watts(1.0).unwrap(),
                timestamp: Timestamp::parse("2024-01-15T10:30:00Z").unwrap(),
            },
            ingested_at: String::new(),
        }
    }

    #[tokio::test]
    async fn a_delivery_is_split_by_site_in_stream_order_with_the_permits_of_its_entries() {
        let ten = NonZeroUsize::new(10).unwrap();
        let window = InFlightWindow::new(ten);
        let entries = vec![entry(1, "a"), entry(2, "b"), entry(3, "a")];
        let permit = window.reserve(ten).await.admit(ids(&entries));
        let batches = group_by_site(ReadBatch { entries, permit, delivered: Instant::now() });
        let seen: Vec<_> =
            batches.iter().map(|b| (b.site.as_str(), ids(&b.entries), b.permit.ids())).collect();
        let id = |ms| StreamId { ms, seq: 0 };
        let expected = [("a", vec![id(1), id(3)]), ("b", vec![id(2)])];
        assert_eq!(seen, expected.each_ref().map(|(s, ids)| (*s, ids.clone(), ids.as_slice())));
        assert!(!window.take_abandoned());
    }
}
