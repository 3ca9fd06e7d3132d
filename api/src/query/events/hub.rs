//! Runs the shared reader while there are event streams, and only then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use readings::SiteId;
use readings::store::history::History;
use readings::store::stream::StreamPartitions;
use readings::store::{Partition, RedisServer, StoreError, StreamId};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::feed::{Attachment, Feed};
use super::positions::Positions;
use super::shared_reader::{Begun, SharedReader};
use super::site_partitions;
use super::subscribers::Filter;

/// The events of a process. Clones share the reader.
#[derive(Debug, Clone)]
pub(super) struct EventHub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    partitions: StreamPartitions,
    server: RedisServer,
    readers: Mutex<Readers>,
}

#[derive(Debug, Default)]
struct Readers {
    /// The leases that need a reader.
    leases: usize,
    running: Option<RunningReader>,
}

/// A reader, with a feed of its own: one that ends late changes nothing for the next one.
#[derive(Debug)]
struct RunningReader {
    task: AbortHandle,
    feed: Arc<Feed>,
    begun: watch::Receiver<Begun>,
}

impl EventHub {
    /// Reads the stream of these partitions: histories over their connection, what is new over one of its own.
    pub fn new(partitions: StreamPartitions, server: RedisServer) -> Self {
        Self(Arc::new(Inner { partitions, server, readers: Mutex::default() }))
    }

    /// A lease as soon as the reader has begun.
    ///
    /// # Errors
    /// When the reader is not running yet, and cannot connect.
    pub async fn lease(&self) -> Result<Lease, StoreError> {
        let (lease, mut begun) = self.begin();
        match begun.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Err(error))) => Err(error.clone()),
            // Err: it has panicked, and cuts its subscribers.
            Ok(_) | Err(_) => Ok(lease),
        }
    }

    fn begin(&self) -> (Lease, watch::Receiver<Begun>) {
        let mut readers = self.0.lock();
        readers.leases += 1;
        let running = readers.running.take().filter(|running| !running.has_failed());
        let running = running.unwrap_or_else(|| self.0.spawn_reader());
        let (begun, feed) = (running.begun.clone(), Arc::clone(&running.feed));
        readers.running = Some(running);
        (Lease { hub: Arc::clone(&self.0), feed }, begun)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Readers> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn_reader(&self) -> RunningReader {
        let (partitions, server) = (self.partitions.clone(), self.server.clone());
        let feed = Arc::<Feed>::default();
        let reader = SharedReader { partitions, server, feed: Arc::clone(&feed) };
        let (sender, begun) = watch::channel(None);
        let task = tokio::spawn(reader.run(sender)).abort_handle();
        RunningReader { task, feed, begun }
    }
}

impl RunningReader {
    fn has_failed(&self) -> bool {
        self.task.is_finished() || matches!(*self.begun.borrow(), Some(Err(_)))
    }
}

impl Drop for RunningReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps the reader running; the last one stops it on drop.
#[derive(Debug)]
pub(super) struct Lease {
    hub: Arc<Inner>,
    feed: Arc<Feed>,
}

impl Lease {
    /// The last entry of each partition that was published.
    pub fn positions(&self) -> Positions {
        self.feed.positions()
    }

    /// Subscribes to what is published from now on.
    pub fn attach(&self, filter: Filter) -> Attachment {
        self.feed.attach(filter)
    }

    /// The partitions that new readings of a site may be in.
    pub fn partitions_of(&self, site: &SiteId) -> Vec<Partition> {
        self.hub.partitions.current_of_site(site)
    }

    /// Of these positions those with which the events of a site continue.
    pub fn positions_of(&self, site: &SiteId, positions: &Positions) -> Positions {
        positions.among(&self.partitions_of(site))
    }

    /// Where the events of a site continue after one with this id.
    pub async fn positions_after(
        &self,
        site: &SiteId,
        last: &Positions,
    ) -> Result<Positions, StoreError> {
        site_partitions::positions_after(&self.hub.partitions, site, last).await
    }

    /// Where they continue in a partition that the id does not name.
    pub async fn unnamed_position(
        &self,
        partition: Partition,
        last: &Positions,
    ) -> Result<StreamId, StoreError> {
        site_partitions::unnamed_position(&self.hub.partitions, partition, last).await
    }

    /// The last entry of a partition.
    pub async fn end_of(&self, partition: Partition) -> Result<StreamId, StoreError> {
        site_partitions::end_of(&self.hub.partitions, partition).await
    }

    /// The entries of a partition after a position.
    pub fn history(&self, partition: Partition, position: StreamId) -> History {
        self.hub.partitions.of_partition(partition).history(position)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut readers = self.hub.lock();
        readers.leases -= 1;
        if readers.leases == 0 {
            readers.running = None;
        }
    }
}
