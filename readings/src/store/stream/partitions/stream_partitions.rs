//! The streams of all partitions over one connection.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::partition_set::{PartitionChanges, PartitionSet};
use crate::reading::SiteId;
use crate::store::connection::SharedConnection;
use crate::store::error::StoreResult;
use crate::store::keys::Keys;
use crate::store::partition::{Partition, PartitionCount};
use crate::store::stream::reading_stream::ReadingStream;

/// The partitions of one stream, over a connection that others may share; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct StreamPartitions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    set: Arc<PartitionSet>,
    connection: SharedConnection,
    /// Those of the present count, to which new readings are appended; in the order of their numbers.
    own: Vec<ReadingStream>,
    others: Mutex<Others>,
}

/// The streams that are not of the present count alone.
#[derive(Debug)]
struct Others {
    /// The streams of other partitions that were ever used: each remembers what it knows of its stream.
    streams: BTreeMap<Partition, ReadingStream>,
    /// The current partitions, and their streams.
    current: (Arc<[Partition]>, Arc<[ReadingStream]>),
}

impl StreamPartitions {
    /// The partitions of the stream of these keys.
    #[must_use]
    pub fn new(keys: &Keys, count: PartitionCount, connection: &SharedConnection) -> Self {
        Self::over(Arc::new(PartitionSet::new(keys, count)), connection)
    }

    /// The same partitions over another connection. What [`StreamPartitions::refresh`] finds holds for both, and so does
    /// an announcement.
    #[must_use]
    pub fn with_connection(&self, connection: &SharedConnection) -> Self {
        Self::over(Arc::clone(&self.0.set), connection)
    }

    fn over(set: Arc<PartitionSet>, connection: &SharedConnection) -> Self {
        let stream =
            |partition| ReadingStream::new(set.keys.of_partition(partition), connection.clone());
        let own: Vec<_> = set.count.partitions().map(stream).collect();
        let current = (set.count.partitions().collect(), own.clone().into());
        let others = Mutex::new(Others { streams: BTreeMap::new(), current });
        Self(Arc::new(Inner { set, connection: connection.clone(), own, others }))
    }

    /// How many partitions new readings are appended to.
    #[must_use]
    pub fn count(&self) -> PartitionCount {
        self.0.set.count
    }

    /// The names of the keys that all partitions share.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.0.set.keys
    }

    /// The connection.
    #[must_use]
    pub fn connection(&self) -> &SharedConnection {
        &self.0.connection
    }

    /// The streams that new readings are appended to, in the order of their partitions.
    #[must_use]
    pub fn own(&self) -> &[ReadingStream] {
        &self.0.own
    }

    /// The stream that new readings of a site are appended to.
    #[must_use]
    pub fn of_site(&self, site: &SiteId) -> &ReadingStream {
        let own = self.own();
        match self.count().partition_of(site) {
            Partition::Numbered(number) => own.get(usize::from(number)).unwrap_or(&own[0]),
            Partition::Whole => &own[0],
        }
    }

    /// The stream of a partition, whatever count has it.
    #[must_use]
    pub fn of_partition(&self, partition: Partition) -> Cow<'_, ReadingStream> {
        let own = match (partition, self.count() == PartitionCount::ONE) {
            (Partition::Whole, true) => self.own().first(),
            (Partition::Numbered(number), false) => self.own().get(usize::from(number)),
            _ => None,
        };
        own.map_or_else(|| Cow::Owned(self.other(partition)), Cow::Borrowed)
    }

    fn other(&self, partition: Partition) -> ReadingStream {
        let mut others = self.others();
        let stream = others.streams.entry(partition).or_insert_with(|| {
            ReadingStream::new(self.keys().of_partition(partition), self.connection().clone())
        });
        stream.clone()
    }

    /// The stream that has the rejected rows, and the keys of readings whose partition is not known yet: the same one
    /// for every count.
    #[must_use]
    pub fn whole(&self) -> Cow<'_, ReadingStream> {
        self.of_partition(Partition::Whole)
    }

    /// The streams that may have entries: consumers read them, and operations cover them. They change while the number of
    /// partitions is changed: see [`StreamPartitions::refresh`].
    #[must_use]
    pub fn current(&self) -> Arc<[ReadingStream]> {
        let partitions = self.0.set.current();
        // A copy, as the lock is needed below.
        let (known, streams) = self.others().current.clone();
        if known == partitions {
            return streams;
        }
        let streams =
            partitions.iter().map(|partition| self.of_partition(*partition).into_owned()).collect();
        let mut others = self.others();
        others.current = (partitions, streams);
        Arc::clone(&others.current.1)
    }

    /// The streams that may have entries of a site: that of the present count, and those of all counts that were
    /// announced within some days.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn with_entries_of(&self, site: &SiteId) -> StoreResult<Vec<ReadingStream>> {
        self.refresh().await?;
        let recorded: Vec<_> = self.set().state().recorded.counts().collect();
        let counts = recorded.into_iter().chain([self.count()]);
        let partitions: BTreeSet<_> = counts.map(|count| count.partition_of(site)).collect();
        Ok(partitions
            .into_iter()
            .map(|partition| self.of_partition(partition).into_owned())
            .collect())
    }

    /// The current partitions that a site's new readings may be in, as it was known at the last refresh: of the present
    /// count, and of the others that were announced within some days.
    #[must_use]
    pub fn current_of_site(&self, site: &SiteId) -> Vec<Partition> {
        let recorded: Vec<_> = self.set().state().recorded.counts().collect();
        let counts = recorded.into_iter().chain([self.count()]);
        let of_site: BTreeSet<_> = counts.map(|count| count.partition_of(site)).collect();
        let current = self.set().current();
        of_site.into_iter().filter(|partition| current.contains(partition)).collect()
    }

    /// Follows the changes of the current partitions.
    #[must_use]
    pub fn changes(&self) -> PartitionChanges {
        self.0.set.changes()
    }

    pub(super) fn set(&self) -> &PartitionSet {
        &self.0.set
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        // A poisoned lock is safe: each value is replaced as a whole.
        self.0.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
