//! The backlogs of consumer groups over all partitions.

use std::collections::BTreeMap;

use super::of_each;
use crate::store::error::StoreResult;
use crate::store::partition::Partition;
use crate::store::stream::backlog::GroupBacklog;
use crate::store::stream::info::{ConsumerInfo, GroupInfo};
use crate::store::stream::partitions::StreamPartitions;
use crate::store::stream::reading_stream::ReadingStream;
use crate::store::stream::unread::Unread;

/// The backlog of the stream's own group in one partition.
#[derive(Debug, Clone)]
pub struct PartitionBacklog {
    /// The partition.
    pub partition: Partition,
    /// Whether the group exists there. Without it all entries are unread.
    pub has_group: bool,
    /// The backlog.
    pub backlog: GroupBacklog,
}

impl StreamPartitions {
    /// The backlog of the stream's own group, summed over all partitions in use; `None` when the group exists in none of
    /// them.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn backlog(&self) -> StoreResult<Option<GroupBacklog>> {
        let streams = self.current();
        if let [only] = &*streams {
            return only.backlog().await;
        }
        let backlogs = of_each(&streams, async |stream| stream.partition_backlog(false).await);
        let backlogs = backlogs.await?;
        let exists = backlogs.iter().any(|it| it.has_group);
        Ok(exists.then(|| GroupBacklog::sum(backlogs.into_iter().map(|it| it.backlog))))
    }

    /// The backlog of the stream's own group in each partition in use, with the entries ever added.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn partition_backlogs(&self) -> StoreResult<Vec<PartitionBacklog>> {
        of_each(&self.current(), async |stream| stream.partition_backlog(true).await).await
    }

    /// The backlog of each group, summed over all partitions in use, in the order of their names.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn backlogs(&self) -> StoreResult<Vec<GroupBacklog>> {
        let streams = self.current();
        let backlogs = of_each(&streams, async |stream| stream.backlogs_with_own().await).await?;
        Ok(sums_of_groups(backlogs.into_iter().flatten()))
    }

    /// The number of dead letters in all partitions in use.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn count_dead_letters(&self) -> StoreResult<u64> {
        let counts =
            of_each(&self.current(), async |stream| stream.count_dead_letters().await).await?;
        Ok(counts.into_iter().sum())
    }
}

impl ReadingStream {
    async fn partition_backlog(&self, with_added: bool) -> StoreResult<PartitionBacklog> {
        let backlog = if with_added {
            self.backlog_and_entries_added().await?
        } else {
            self.backlog().await?
        };
        let (has_group, backlog) = match backlog {
            Some(backlog) => (true, backlog),
            None => (false, GroupBacklog::without_group(self.length().await?)),
        };
        Ok(PartitionBacklog { partition: self.keys().partition(), has_group, backlog })
    }

    /// The backlog of each group of a numbered partition; the own one, too, if it is missing and there are entries: in the
    /// sum of the partitions they are unread.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn backlogs_with_own(&self) -> StoreResult<Vec<GroupBacklog>> {
        let mut backlogs = self.backlogs().await?;
        let is_own = |it: &GroupBacklog| it.group.name == self.keys().group();
        if self.keys().partition() != Partition::Whole && !backlogs.iter().any(is_own) {
            let length = self.length().await?;
            if length > 0 {
                let mut own = GroupBacklog::without_group(length);
                self.keys().group().clone_into(&mut own.group.name);
                backlogs.push(own);
            }
        }
        Ok(backlogs)
    }
}

impl GroupBacklog {
    /// Without a group the whole stream is unread. Without a stream, too, both counters are known: 0.
    #[must_use]
    pub fn without_group(stream_length: u64) -> Self {
        let unread = Unread { entries: stream_length, is_exact: true };
        let entries_added = (stream_length == 0).then_some(0);
        Self { unread, stream_length, entries_added, ..Self::default() }
    }

    /// The backlogs of one group in several partitions as one. Its consumers are those of the partition that has the most:
    /// each consumer reads all partitions.
    #[must_use]
    pub fn sum(backlogs: impl IntoIterator<Item = Self>) -> Self {
        backlogs.into_iter().reduce(Self::and).unwrap_or_default()
    }

    fn and(self, other: Self) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a + b);
        Self {
            unread: Unread {
                entries: self.unread.entries + other.unread.entries,
                is_exact: self.unread.is_exact && other.unread.is_exact,
            },
            stream_length: self.stream_length + other.stream_length,
            entries_added: both(self.entries_added, other.entries_added),
            group: GroupInfo {
                name: if self.group.name.is_empty() { other.group.name } else { self.group.name },
                consumers: self.group.consumers.max(other.group.consumers),
                pending: self.group.pending + other.group.pending,
                reported_lag: self
                    .group
                    .reported_lag
                    .zip(other.group.reported_lag)
                    .map(|(a, b)| a.saturating_add(b)),
                entries_read: both(self.group.entries_read, other.group.entries_read),
                last_delivered_id: self.group.last_delivered_id.max(other.group.last_delivered_id),
            },
        }
    }
}

/// Sums the backlogs of groups by their names.
#[must_use]
pub fn sums_of_groups(backlogs: impl IntoIterator<Item = GroupBacklog>) -> Vec<GroupBacklog> {
    let mut groups: BTreeMap<String, Vec<GroupBacklog>> = BTreeMap::new();
    for backlog in backlogs {
        groups.entry(backlog.group.name.clone()).or_default().push(backlog);
    }
    groups.into_values().map(GroupBacklog::sum).collect()
}

/// A consumer of several partitions is one: the sum of its pending entries, and the time since its last delivery or
/// heartbeat in any of them. In the order of their names.
#[must_use]
pub fn merged_consumers(consumers: impl IntoIterator<Item = ConsumerInfo>) -> Vec<ConsumerInfo> {
    let mut merged: BTreeMap<String, ConsumerInfo> = BTreeMap::new();
    for consumer in consumers {
        match merged.get_mut(&consumer.name) {
            Some(known) => {
                known.pending += consumer.pending;
                known.idle = known.idle.min(consumer.idle);
            }
            None => {
                merged.insert(consumer.name.clone(), consumer);
            }
        }
    }
    merged.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn backlog(name: &str, unread: u64, pending: u64, consumers: u64) -> GroupBacklog {
        GroupBacklog {
            group: GroupInfo { name: name.to_owned(), consumers, pending, ..GroupInfo::default() },
            unread: Unread { entries: unread, is_exact: true },
            stream_length: unread + pending,
            entries_added: Some(100),
        }
    }

    #[test]
    fn the_backlog_of_a_group_is_the_sum_over_its_partitions() {
        let sum = GroupBacklog::sum([backlog("g", 3, 2, 1), backlog("g", 5, 1, 2)]);
        assert_eq!((sum.unread.entries, sum.group.pending, sum.stream_length), (8, 3, 11));
        assert_eq!((sum.group.name.as_str(), sum.group.consumers), ("g", 2));
        assert_eq!((sum.entries_added, sum.processed()), (Some(200), Some(189)));
    }

    #[test]
    fn entries_of_a_partition_without_the_group_are_unread() {
        let sum = GroupBacklog::sum([GroupBacklog::without_group(7), backlog("g", 3, 2, 1)]);
        assert_eq!((sum.unread.entries, sum.group.name.as_str()), (10, "g"));
        assert_eq!(sum.processed(), None, "how many were added is unknown");
        let empty = GroupBacklog::sum([GroupBacklog::without_group(0), backlog("g", 3, 2, 1)]);
        assert_eq!(empty.processed(), Some(95));
    }

    #[test]
    fn a_bound_of_one_partition_makes_the_sum_a_bound() {
        let mut bound = backlog("g", 3, 0, 1);
        bound.unread.is_exact = false;
        assert!(!GroupBacklog::sum([backlog("g", 1, 0, 1), bound]).unread.is_exact);
    }

    #[test]
    fn groups_are_summed_by_name() {
        let sums =
            sums_of_groups([backlog("b", 1, 0, 1), backlog("a", 2, 0, 1), backlog("b", 4, 0, 1)]);
        let sums: Vec<_> =
            sums.iter().map(|it| (it.group.name.as_str(), it.unread.entries)).collect();
        assert_eq!(sums, [("a", 2), ("b", 5)]);
    }

    #[test]
    fn a_consumer_of_several_partitions_is_one() {
        let consumer = |name: &str, pending, idle| ConsumerInfo {
            name: name.to_owned(),
            pending,
            idle: Duration::from_millis(idle),
        };
        let merged =
            merged_consumers([consumer("b", 1, 30), consumer("a", 2, 5), consumer("b", 4, 10)]);
        let merged: Vec<_> =
            merged.iter().map(|it| (it.name.as_str(), it.pending, it.idle.as_millis())).collect();
        assert_eq!(merged, [("a", 2, 5), ("b", 5, 10)]);
    }
}
