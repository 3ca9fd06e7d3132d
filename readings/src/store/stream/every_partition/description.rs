//! The streams of all partitions as one.

use super::of_each;
use crate::store::error::StoreResult;
use crate::store::stream::info::StreamInfo;
use crate::store::stream::partitions::StreamPartitions;

impl StreamPartitions {
    /// Describes the streams of all partitions in use as one: the sum of their entries, the oldest and the newest of
    /// them. `None` when none of them exists.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn info(&self) -> StoreResult<Option<StreamInfo>> {
        let infos = of_each(&self.current(), async |stream| stream.info().await).await?;
        Ok(StreamInfo::sum(infos.into_iter().flatten()))
    }
}

impl StreamInfo {
    /// Streams as one; `None` without streams.
    pub fn sum(streams: impl IntoIterator<Item = Self>) -> Option<Self> {
        streams.into_iter().reduce(|sum, stream| {
            let firsts = sum.first_entry.into_iter().chain(stream.first_entry);
            let lasts = sum.last_entry.into_iter().chain(stream.last_entry);
            Self {
                length: sum.length + stream.length,
                entries_added: sum.entries_added.zip(stream.entries_added).map(|(a, b)| a + b),
                first_entry: firsts.min_by_key(|entry| entry.id),
                last_entry: lasts.max_by_key(|entry| entry.id),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::stream::info::EntryPreview;
    use crate::store::stream_id::StreamId;

    fn stream(length: u64, ms: impl IntoIterator<Item = u64> + Clone) -> StreamInfo {
        let entry = |ms| EntryPreview { id: StreamId { ms, seq: 0 }, fields: Vec::new(), bytes: 0 };
        StreamInfo {
            length,
            entries_added: Some(length),
            first_entry: ms.clone().into_iter().min().map(entry),
            last_entry: ms.into_iter().max().map(entry),
        }
    }

    #[test]
    fn streams_as_one_have_all_entries_from_the_oldest_to_the_newest() {
        let sum = StreamInfo::sum([stream(3, [7, 9]), stream(0, []), stream(2, [5, 8])]).unwrap();
        assert_eq!((sum.length, sum.entries_added), (5, Some(5)));
        assert_eq!(sum.first_entry.map(|entry| entry.id.ms), Some(5));
        assert_eq!(sum.last_entry.map(|entry| entry.id.ms), Some(9));
        assert!(StreamInfo::sum([]).is_none());
    }

    #[test]
    fn the_entries_ever_added_are_unknown_where_one_stream_does_not_know_them() {
        let unknown = StreamInfo { entries_added: None, ..stream(1, [1]) };
        assert_eq!(StreamInfo::sum([stream(3, [7]), unknown]).unwrap().entries_added, None);
    }
}
