//! Dead letters of all partitions, in the order of time.

use std::collections::VecDeque;

use super::of_each;
use crate::store::error::StoreResult;
use crate::store::partition::{Partition, PartitionCount};
use crate::store::stream::dead_letters::{DeadLetterPage, PAGE_BYTES, Retried, StoredDeadLetter};
use crate::store::stream::entry_id::EntryId;
use crate::store::stream::partitions::StreamPartitions;
use crate::store::stream::reading_stream::ReadingStream;
use crate::store::stream_id::StreamId;

/// Dead letters of one partition that are read at a time. Too low: many round trips. Too high: dead letters are read that
/// are not on the page.
const READ_AHEAD: usize = 64;

/// Dead letters of several partitions, oldest first.
#[derive(Debug, Default)]
pub struct DeadLetterList {
    /// At most as many as requested, and fewer when they are large; each with its own id.
    pub dead_letters: Vec<(EntryId, StoredDeadLetter)>,
    /// Whether there may be more after them.
    pub has_more: bool,
}

impl StreamPartitions {
    /// A page of up to `count` dead letters after `after`, of all partitions that have any.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn dead_letters(
        &self,
        after: Option<EntryId>,
        count: usize,
    ) -> StoreResult<DeadLetterList> {
        let streams = self.with_dead_letters().await?;
        if let [only] = &*streams {
            let after = after.and_then(|after| position_in(only.keys().partition(), after));
            return Ok(list_of(only.keys().partition(), only.dead_letters(after, count).await?));
        }
        Merge::new(&streams, after, count).await?.page(count).await
    }

    /// With one partition the only one; with more also those that are retired, as they keep their dead letters.
    async fn with_dead_letters(&self) -> StoreResult<Vec<ReadingStream>> {
        let current = self.current();
        if self.count() == PartitionCount::ONE && current.len() == 1 {
            return Ok(current.to_vec());
        }
        self.existing().await
    }

    /// Requeues a dead letter: appends it to its partition as a new entry.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; without a reply it may have been requeued.
    pub async fn retry_dead_letter(&self, id: EntryId) -> StoreResult<Retried> {
        self.of_partition(id.partition).retry_dead_letter(id.id).await
    }

    /// Deletes a dead letter; returns whether it existed.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn delete_dead_letter(&self, id: EntryId) -> StoreResult<bool> {
        self.of_partition(id.partition).delete_dead_letter(id.id).await
    }
}

fn list_of(partition: Partition, page: DeadLetterPage) -> DeadLetterList {
    let with_id = |it: StoredDeadLetter| (EntryId { id: it.id, partition }, it);
    DeadLetterList {
        dead_letters: page.dead_letters.into_iter().map(with_id).collect(),
        has_more: page.has_more,
    }
}

/// The id after which a partition's dead letters are after `after` in the order of all; `None` for all of them.
fn position_in(partition: Partition, after: EntryId) -> Option<StreamId> {
    if partition <= after.partition { Some(after.id) } else { before(after.id) }
}

/// The largest id below another one.
const fn before(StreamId { ms, seq }: StreamId) -> Option<StreamId> {
    match (ms, seq) {
        (0, 0) => None,
        (ms, 0) => Some(StreamId { ms: ms - 1, seq: u64::MAX }),
        (ms, seq) => Some(StreamId { ms, seq: seq - 1 }),
    }
}

/// Merges the dead letters of partitions, which are read in parts.
struct Merge {
    sources: Vec<Source>,
    /// Bytes that a part of one partition may have: all of them together fill a page.
    part_bytes: usize,
}

/// The dead letters of one partition.
struct Source {
    stream: ReadingStream,
    after: Option<StreamId>,
    read: VecDeque<StoredDeadLetter>,
    has_more: bool,
}

impl Merge {
    async fn new(
        streams: &[ReadingStream],
        after: Option<EntryId>,
        count: usize,
    ) -> StoreResult<Self> {
        let part_bytes = PAGE_BYTES / streams.len().max(1);
        let sources = of_each(streams, async |stream| {
            let partition = stream.keys().partition();
            let after = after.and_then(|after| position_in(partition, after));
            let mut source = Source { stream, after, read: VecDeque::new(), has_more: true };
            source.read_part(count, part_bytes).await?;
            Ok(source)
        });
        Ok(Self { sources: sources.await?, part_bytes })
    }

    async fn page(mut self, count: usize) -> StoreResult<DeadLetterList> {
        let mut list = DeadLetterList::default();
        let mut bytes = 0;
        while list.dead_letters.len() < count && bytes < PAGE_BYTES {
            let Some((id, dead_letter)) = self.next() else { break };
            bytes += dead_letter.field_bytes();
            list.dead_letters.push((id, dead_letter));
            self.read_after(id, count - list.dead_letters.len()).await?;
        }
        list.has_more = self.sources.iter().any(|source| !source.read.is_empty());
        Ok(list)
    }

    /// The oldest one that was read.
    fn next(&mut self) -> Option<(EntryId, StoredDeadLetter)> {
        let sources = self.sources.iter_mut();
        let with_ids = sources.filter_map(|source| Some((source.first()?, source)));
        let (id, source) = with_ids.min_by_key(|(id, _)| *id)?;
        Some((id, source.read.pop_front()?))
    }

    /// Reads the next part of the partition of this dead letter if it was the last of its part: only then it is known
    /// which one is the next of all.
    async fn read_after(&mut self, id: EntryId, wanted: usize) -> StoreResult<()> {
        let is_its = |source: &&mut Source| source.stream.keys().partition() == id.partition;
        match self.sources.iter_mut().find(is_its) {
            Some(source) if source.read.is_empty() && source.has_more => {
                // One more, which shows whether there is another page.
                source.read_part(wanted + 1, self.part_bytes).await
            }
            _ => Ok(()),
        }
    }
}

impl Source {
    fn first(&self) -> Option<EntryId> {
        let partition = self.stream.keys().partition();
        self.read.front().map(|dead_letter| EntryId { id: dead_letter.id, partition })
    }

    async fn read_part(&mut self, count: usize, bytes: usize) -> StoreResult<()> {
        let count = count.clamp(1, READ_AHEAD);
        let page = self.stream.dead_letters_within(self.after, count, bytes).await?;
        self.has_more = page.has_more;
        self.read = page.dead_letters.into();
        self.after = self.read.back().map(|last| last.id).or(self.after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_continues_in_each_partition_after_what_the_page_before_had() {
        let id = |text: &str| text.parse::<StreamId>().unwrap();
        let after: EntryId = "3:5-1".parse().unwrap();
        let position = |number| position_in(Partition::Numbered(number), after);
        assert_eq!(position(3), Some(id("5-1")));
        assert_eq!(position_in(Partition::Whole, after), Some(id("5-1")));
        assert_eq!(position(4), Some(id("5-0")), "an equal id there comes after it");
    }

    #[test]
    fn the_id_before_another_one_is_the_next_lower_one() {
        let id = |text: &str| text.parse::<StreamId>().unwrap();
        assert_eq!(before(id("5-0")), Some(StreamId { ms: 4, seq: u64::MAX }));
        assert_eq!(before(id("0-1")), Some(StreamId::ZERO));
        assert_eq!(before(StreamId::ZERO), None);
    }
}
