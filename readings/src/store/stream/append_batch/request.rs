//! Appends the readings of a request to their partitions, chunk by chunk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use futures_util::future::join_all;

use super::append_chunk::ChunkRecord;
use super::batch::{AppendBatch, AppendBatchError, Appended, CHUNK_ROWS, Interrupted};
use super::chunk::{Chunk, ChunkRow};
use super::chunk_keys::ChunkKeys;
use super::division::{Part, PartRecorded, Place, merged};
use super::known_rows::KnownRows;
use super::scripts::{Outcome, Recorded};
use crate::store::error::{StoreError, StoreResult};
use crate::store::partition::{Partition, PartitionCount};
use crate::store::stream::idempotency::key_window;
use crate::store::stream::key_value::KeyValue;
use crate::store::stream::partitions::StreamPartitions;
use crate::store::stream::registered_keys::{Keys, Registered};

impl StreamPartitions {
    /// Appends the readings in their order, each to its site's partition. With a key, those that an earlier request with
    /// it has appended are not appended again; nor are rows with keys of their own, which are kept for `row_ttl` at
    /// least. Both hold whatever the number of partitions was then.
    ///
    /// # Errors
    /// When the key was used with another body, or the server rejected a part or did not reply.
    pub async fn append_batch(
        &self,
        batch: &AppendBatch,
        ingested_at: &str,
        key: Option<&ChunkKeys<'_>>,
        row_ttl: Duration,
    ) -> Result<Appended, AppendBatchError> {
        let ttl = key.map_or(row_ttl, |key| key.ttl);
        let mut request = Request { partitions: self, count: self.count(), ingested_at, key, ttl };
        if self.count() > PartitionCount::ONE {
            request.register().await?;
        }
        match request.append(batch).await {
            Err(Stopped::Registered(count)) => {
                request.count = count;
                request.append(batch).await.map_err(AppendBatchError::from)
            }
            result => result.map_err(AppendBatchError::from),
        }
    }
}

/// A request that is appended.
struct Request<'a> {
    partitions: &'a StreamPartitions,
    /// The number of partitions that decides where its readings belong.
    count: PartitionCount,
    ingested_at: &'a str,
    key: Option<&'a ChunkKeys<'a>>,
    ttl: Duration,
}

/// Why a request was not appended, with this number of partitions.
enum Stopped {
    Error(AppendBatchError),
    /// Its key is registered with another number.
    Registered(PartitionCount),
}

impl From<Stopped> for AppendBatchError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Error(error) => error,
            // Registrations are in the whole stream's hashes only, which were read before.
            Stopped::Registered(_) => Self::KeyConflict,
        }
    }
}

/// The last chunk of a request in each partition.
type LastChunks = BTreeMap<Partition, usize>;

impl Request<'_> {
    /// Registers its key, and announces the number of partitions.
    async fn register(&mut self) -> Result<(), AppendBatchError> {
        let interrupted = |error| Stopped::interrupted(Appended::default(), 0, error);
        if let Some(key) = self.key {
            let whole = self.partitions.whole();
            let registering = whole.register_key_in(key.first(), key.window, key.ttl, self.count);
            if let Some(value) = registering.await.map_err(interrupted)? {
                self.count = match KeyValue::of(&value, key.body()) {
                    KeyValue::Registration(count) => count,
                    KeyValue::Entry(_) => PartitionCount::ONE,
                    KeyValue::OtherBody => return Err(AppendBatchError::KeyConflict),
                };
            }
        }
        Ok(())
    }

    async fn append(&self, batch: &AppendBatch) -> Result<Appended, Stopped> {
        let mut appended = Appended::default();
        let mut last_chunks = LastChunks::new();
        for (index, chunk) in batch.chunks.iter().enumerate() {
            // With a key an empty chunk of the whole stream needs its record all the same: the next one requires it.
            let needs_record = self.key.is_some() && self.count == PartitionCount::ONE;
            if chunk.readings == 0 && !needs_record {
                continue;
            }
            match self.append_chunk(index, chunk, &mut last_chunks).await {
                Ok(Outcome::Recorded(recorded)) => appended.add(chunk, recorded),
                Ok(Outcome::Conflict) => return Err(Stopped::Error(AppendBatchError::KeyConflict)),
                Ok(Outcome::Registered(count)) => return Err(Stopped::Registered(count)),
                Err(error) => {
                    return Err(Stopped::interrupted(appended, index * CHUNK_ROWS, error));
                }
            }
            fail::fail_point!("append-batch-after-chunk");
        }
        Ok(appended)
    }

    async fn append_chunk(
        &self,
        index: usize,
        chunk: &Chunk,
        last_chunks: &mut LastChunks,
    ) -> StoreResult<Outcome> {
        if self.count == PartitionCount::ONE {
            return self.append_to_whole(index, chunk).await;
        }
        // On the heap: requests to one partition have no room for these futures.
        Box::pin(self.append_divided(index, chunk, last_chunks)).await
    }

    /// Appends a chunk to the stream that is the only partition.
    async fn append_to_whole(&self, index: usize, chunk: &Chunk) -> StoreResult<Outcome> {
        let stream = self.partitions.of_partition(Partition::Whole);
        let record = self.record(index, index.checked_sub(1));
        let appending = stream.append_chunk(chunk, self.ingested_at, record.as_ref(), self.ttl);
        let outcome = appending.await?;
        match outcome {
            Outcome::Recorded(recorded) if !recorded.registered.is_empty() => {
                Box::pin(self.append_registered(index, chunk, recorded)).await
            }
            outcome => Ok(outcome),
        }
    }

    /// Appends the rows of a chunk to partitions for which their keys are registered, after the others were recorded.
    async fn append_registered(
        &self,
        index: usize,
        chunk: &Chunk,
        recorded: Recorded,
    ) -> StoreResult<Outcome> {
        let values: HashMap<_, _> = recorded.registered.iter().cloned().collect();
        let known = KnownRows::of(chunk, &values);
        let parts = chunk.divided(|reading, _| known.places.get(&reading).cloned());
        let all: Vec<_> = (0..chunk.readings).collect();
        let others = PartRecorded::of(&all, recorded);
        let appending = async {
            self.announce(&known.counts).await?;
            self.append_parts(index, parts, &mut LastChunks::new()).await
        };
        // The others may be in the stream.
        let parts = appending.await.map_err(StoreError::with_unknown_outcome)?;
        Ok(outcome(parts, [others]))
    }

    /// Appends a chunk to the partitions of its sites.
    async fn append_divided(
        &self,
        index: usize,
        chunk: &Chunk,
        last_chunks: &mut LastChunks,
    ) -> StoreResult<Outcome> {
        let registered = self.register_rows(chunk).await?;
        let mut known = KnownRows::of(chunk, &registered.known);
        let parts = chunk.divided(|reading, row| {
            let place = known.places.get(&reading).cloned();
            let is_new = || !registered.known.contains_key(&reading);
            place.or_else(|| is_new().then(|| self.place_of_new(row, registered.nonce)))
        });
        known.counts.insert(self.count);
        self.announce(&known.counts).await?;
        let parts = self.append_parts(index, parts, last_chunks).await?;
        Ok(outcome(parts, known.recorded))
    }

    /// Registers the keys of rows; nothing is known where the request as a whole has a key, or no row has one.
    async fn register_rows(&self, chunk: &Chunk) -> StoreResult<Registered> {
        let Some((packed, shards)) = chunk.packed_keys().filter(|_| self.key.is_none()) else {
            return Ok(Registered::default());
        };
        let keys = Keys { packed, shards, window: key_window(self.ttl), ttl: self.ttl };
        self.partitions.whole().register(keys, self.count).await
    }

    /// Where a row belongs whose key is registered now, or that has none.
    fn place_of_new(&self, row: &ChunkRow<'_>, nonce: [u8; 8]) -> Place {
        let of_delivery = row.key.filter(|(key, _)| key.is_delivery);
        let record = of_delivery.map(|(key, _)| [key.record, &nonce].concat());
        Place { partition: self.count.partition_of_bytes(row.site), record }
    }

    async fn announce(&self, counts: &BTreeSet<PartitionCount>) -> StoreResult<()> {
        for count in counts {
            self.partitions.announce_before_append(*count).await?;
        }
        Ok(())
    }

    /// Appends the parts of a chunk at the same time; `None` where the key of the request has another body.
    async fn append_parts(
        &self,
        index: usize,
        parts: BTreeMap<Partition, Part>,
        last_chunks: &mut LastChunks,
    ) -> StoreResult<Option<Vec<PartRecorded>>> {
        let appends = parts.iter().map(|(partition, part)| {
            let record = self.record(index, last_chunks.insert(*partition, index));
            self.append_part(*partition, part, record)
        });
        all_recorded(join_all(appends).await)
    }

    async fn append_part(
        &self,
        partition: Partition,
        part: &Part,
        record: Option<ChunkRecord<'_>>,
    ) -> StoreResult<Option<PartRecorded>> {
        let stream = self.partitions.of_partition(partition);
        fail::fail_point!("append-batch-before-part", |_| {
            Err(stream.connection().unexpected_reply("fail point"))
        });
        let appending =
            stream.append_chunk(&part.chunk, self.ingested_at, record.as_ref(), self.ttl);
        match appending.await? {
            Outcome::Recorded(recorded) => Ok(Some(part.numbered(recorded))),
            Outcome::Conflict => Ok(None),
            // Only the whole stream has registrations.
            Outcome::Registered(_) => Err(stream.connection().unexpected_reply("XADD batch")),
        }
    }

    fn record(&self, index: usize, before: Option<usize>) -> Option<ChunkRecord<'_>> {
        self.key.map(|key| ChunkRecord { key, index, before })
    }
}

fn outcome(
    parts: Option<Vec<PartRecorded>>,
    others: impl IntoIterator<Item = PartRecorded>,
) -> Outcome {
    parts.map_or(Outcome::Conflict, |parts| {
        Outcome::Recorded(merged(others.into_iter().chain(parts)))
    })
}

/// All parts, or the first error: one that leaves open what is in the stream, if a part is or may be.
fn all_recorded<T>(parts: Vec<StoreResult<Option<T>>>) -> StoreResult<Option<Vec<T>>> {
    let is_open = |part: &StoreResult<Option<T>>| match part {
        Ok(recorded) => recorded.is_some(),
        Err(error) => error.outcome_is_unknown(),
    };
    let is_open = parts.iter().any(is_open);
    let parts: StoreResult<Vec<_>> = parts.into_iter().collect();
    let parts =
        parts.map_err(|error| if is_open { error.with_unknown_outcome() } else { error })?;
    Ok(parts.into_iter().collect())
}

impl Stopped {
    fn interrupted(appended: Appended, rows: usize, error: StoreError) -> Self {
        let interrupted = Interrupted { appended, rows, error };
        Self::Error(AppendBatchError::Failed(Box::new(interrupted)))
    }
}
