//! What is read of each partition for the state of the pipeline, and the sums.

use std::collections::BTreeMap;
use std::time::Duration;

use readings::store::backlog::GroupBacklog;
use readings::store::info::{ConsumerInfo, EntryPreview, StreamInfo};
use readings::store::stream::ReadingStream;
use readings::store::stream::every_partition::backlogs::merged_consumers;
use readings::store::{Partition, StoreError};

use super::state::{ConsumerState, GroupState, PartitionState, StreamState};

/// What is read of one partition.
#[derive(Debug, Clone, Default)]
pub(super) struct PartitionReport {
    pub partition: Partition,
    pub info: Option<StreamInfo>,
    pub groups: Vec<GroupReport>,
    pub dead_letters: u64,
}

/// A consumer group of one partition, or of all.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupReport {
    pub backlog: GroupBacklog,
    pub consumers: Vec<ConsumerInfo>,
    pub oldest_pending: Option<Duration>,
}

impl PartitionReport {
    /// Reads it.
    ///
    /// # Errors
    /// When Redis replied with an error or not at all.
    pub async fn read(stream: ReadingStream) -> Result<Self, StoreError> {
        let info = stream.info().await?;
        let mut groups = Vec::new();
        for backlog in stream.backlogs_with_own().await? {
            groups.push(GroupReport::read(&stream, backlog).await?);
        }
        let dead_letters = stream.count_dead_letters().await?;
        Ok(Self { partition: stream.keys().partition(), info, groups, dead_letters })
    }

    /// It as an element of the response, with the backlog of the group of this name.
    pub fn state(&self, group: &str) -> PartitionState {
        let group = self.groups.iter().find(|it| it.backlog.group.name == group);
        let group = group.cloned().unwrap_or_default();
        let info = self.info.clone().unwrap_or_default();
        PartitionState {
            partition: match self.partition {
                Partition::Whole => None,
                Partition::Numbered(number) => Some(number),
            },
            length: info.length,
            pending: group.backlog.group.pending,
            lag: group.backlog.unread.entries,
            oldest_pending_ms: group.oldest_pending.map(milliseconds),
            first_id: id(info.first_entry),
            last_id: id(info.last_entry),
            dead_letters: self.dead_letters,
        }
    }
}

impl GroupReport {
    async fn read(stream: &ReadingStream, backlog: GroupBacklog) -> Result<Self, StoreError> {
        let name = &backlog.group.name;
        let consumers = stream.consumers(name).await?;
        let oldest_pending =
            if backlog.group.pending == 0 { None } else { stream.oldest_pending_age(name).await? };
        Ok(Self { backlog, consumers, oldest_pending })
    }

    /// The group in all partitions as one.
    fn merged(reports: Vec<Self>) -> GroupState {
        let oldest = reports.iter().filter_map(|it| it.oldest_pending).max();
        let consumers: Vec<_> = reports.iter().flat_map(|it| it.consumers.clone()).collect();
        let backlog = GroupBacklog::sum(reports.into_iter().map(|it| it.backlog));
        GroupState {
            name: backlog.group.name,
            pending: backlog.group.pending,
            lag: backlog.unread.entries,
            oldest_pending_ms: oldest.map(milliseconds),
            consumers: merged_consumers(consumers).into_iter().map(Into::into).collect(),
        }
    }
}

/// The streams of all partitions as one.
pub(super) fn stream_state(reports: &[PartitionReport], max_length: Option<u64>) -> StreamState {
    let infos = reports.iter().filter_map(|it| it.info.clone());
    let StreamInfo { length, first_entry, last_entry, .. } =
        StreamInfo::sum(infos).unwrap_or_default();
    StreamState { length, max_length, first_id: id(first_entry), last_id: id(last_entry) }
}

/// The groups of all partitions, those of one name as one.
pub(super) fn group_states(reports: &[PartitionReport]) -> Vec<GroupState> {
    let mut groups: BTreeMap<&str, Vec<GroupReport>> = BTreeMap::new();
    for group in reports.iter().flat_map(|it| &it.groups) {
        groups.entry(&group.backlog.group.name).or_default().push(group.clone());
    }
    groups.into_values().map(GroupReport::merged).collect()
}

impl From<ConsumerInfo> for ConsumerState {
    fn from(ConsumerInfo { name, pending, idle }: ConsumerInfo) -> Self {
        Self { name, pending, idle_ms: milliseconds(idle) }
    }
}

fn id(entry: Option<EntryPreview>) -> Option<String> {
    entry.map(|entry| entry.id.to_string())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use readings::store::info::GroupInfo;
    use readings::store::unread::Unread;

    use super::*;

    fn report(number: u16, lag: u64, oldest: Option<u64>, consumer: &str) -> PartitionReport {
        let group = GroupInfo { name: "g".to_owned(), pending: 1, ..GroupInfo::default() };
        let unread = Unread { entries: lag, is_exact: true };
        let idle = Duration::from_millis(oldest.unwrap_or(9));
        PartitionReport {
            partition: Partition::Numbered(number),
            info: Some(StreamInfo { length: lag + 1, ..StreamInfo::default() }),
            groups: vec![GroupReport {
                backlog: GroupBacklog { group, unread, ..GroupBacklog::default() },
                consumers: vec![ConsumerInfo { name: consumer.to_owned(), pending: 1, idle }],
                oldest_pending: oldest.map(Duration::from_millis),
            }],
            dead_letters: 1,
        }
    }

    #[test]
    fn the_group_of_all_partitions_has_the_sum_of_entries_the_highest_age_and_each_consumer_once() {
        let reports =
            [report(0, 3, Some(20), "a"), report(1, 4, Some(700), "a"), report(2, 0, None, "b")];
        let [group] = &group_states(&reports)[..] else { panic!("one group") };
        assert_eq!((group.lag, group.pending, group.oldest_pending_ms), (7, 3, Some(700)));
        let consumers: Vec<_> =
            group.consumers.iter().map(|it| (it.name.as_str(), it.pending, it.idle_ms)).collect();
        assert_eq!(consumers, [("a", 2, 20), ("b", 1, 9)]);
        assert_eq!(stream_state(&reports, Some(9)).length, 10);
    }

    #[test]
    fn the_state_of_a_partition_is_that_of_the_services_group() {
        let state = report(3, 5, Some(20), "a").state("g");
        assert_eq!((state.partition, state.lag, state.pending, state.length), (Some(3), 5, 1, 6));
        let other = report(3, 5, Some(20), "a").state("other");
        assert_eq!((other.lag, other.pending, other.oldest_pending_ms), (0, 0, None));
    }
}
