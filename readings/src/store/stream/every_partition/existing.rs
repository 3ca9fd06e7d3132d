//! Partitions that have entries or dead letters, in use or not.

use redis::{cmd, pipe};

use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::keys::Keys;
use crate::store::partition::{Partition, PartitionCount};
use crate::store::stream::partitions::StreamPartitions;
use crate::store::stream::reading_stream::ReadingStream;

impl StreamPartitions {
    /// The partitions in use, and behind them all others with entries or dead letters: a retired partition keeps the
    /// entries of its retention, among which may be orphaned ones, and its dead letters.
    ///
    /// # Errors
    /// When the server replied with an error or not at all. A partition whose keys the user may not read is left out.
    pub async fn existing(&self) -> StoreResult<Vec<ReadingStream>> {
        let mut streams = self.current().to_vec();
        let is_known = |partition| streams.iter().any(|it| it.keys().partition() == partition);
        let others: Vec<_> = all().filter(|&partition| !is_known(partition)).collect();
        for partition in self.non_empty(others).await? {
            streams.push(self.of_partition(partition).into_owned());
        }
        Ok(streams)
    }

    async fn non_empty(&self, partitions: Vec<Partition>) -> StoreResult<Vec<Partition>> {
        const XLEN: &str = "XLEN";
        let keys = |partition| keys_with_entries(&self.keys().of_partition(partition));
        let mut lengths = pipe();
        for key in partitions.iter().copied().flat_map(keys) {
            lengths.add_command(cmd(XLEN)).arg(key);
        }
        let (replies, _) = self.connection().send_all(XLEN, &lengths).await?;
        let mut found = Vec::new();
        for (partition, lengths) in partitions.into_iter().zip(replies.chunks(KEYS)) {
            for length in lengths {
                match length {
                    Err(error) if error.class == ErrorClass::Denied => {}
                    Err(error) => return Err(error.clone()),
                    Ok(length) if reply::integer(length) == Some(0_u64) => {}
                    Ok(_) => found.push(partition),
                }
            }
        }
        found.dedup();
        Ok(found)
    }
}

/// Keys of a partition that have entries.
const KEYS: usize = 2;

fn keys_with_entries(keys: &Keys) -> [String; KEYS] {
    [keys.stream().to_owned(), keys.dead_letters()]
}

/// All partitions that can exist.
fn all() -> impl Iterator<Item = Partition> {
    [Partition::Whole].into_iter().chain((0..PartitionCount::MAX).map(Partition::Numbered))
}
