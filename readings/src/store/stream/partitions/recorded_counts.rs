//! The partition counts that services have announced: a hash, its fields the counts, its values the server's time of the
//! last announcement in milliseconds.
//!
//! The count 1 has a field as soon as another count has one, so that services with one partition need to look at that
//! field alone to know whether they have to announce theirs.

use std::collections::BTreeSet;
use std::time::Duration;

use redis::Value;

use crate::store::connection::reply;
use crate::store::partition::{Partition, PartitionCount};

/// A count is fresh for this time after its announcement, of which there is one every ten seconds. Too low: partitions
/// retire and come back while Redis is slow. Too high: idle readers of partitions that nothing is appended to any more.
const FRESH: Duration = Duration::from_mins(1);

/// A count is forgotten so long after its last announcement. Too low: entries that a service appends after it was frozen
/// that long, and is killed then before it announces its count, wait until a service has that count again. Too high:
/// the retired partitions of a count are looked at needlessly.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// The counts that were announced, and when.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordedCounts(Vec<(PartitionCount, Duration)>);

impl RecordedCounts {
    /// The reply of `HGETALL`; `None` for one of another shape. Fields of another form are not ours.
    pub fn parse(reply: Value) -> Option<Self> {
        let count = |field| PartitionCount::new(reply::text(field)?.parse().ok()?);
        let time = |value| reply::text(value)?.parse().ok().map(Duration::from_millis);
        let fields = reply::map(reply)?.into_iter();
        Some(Self(fields.filter_map(|(name, at)| Some((count(name)?, time(at)?))).collect()))
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn counts(&self) -> impl Iterator<Item = PartitionCount> {
        self.0.iter().map(|(count, _)| *count)
    }

    /// Those that are in use at this time.
    pub fn fresh(&self, now: Duration) -> impl Iterator<Item = PartitionCount> {
        let is_fresh = move |announced: Duration| announced + FRESH >= now;
        self.0.iter().filter(move |(_, at)| is_fresh(*at)).map(|(count, _)| *count)
    }

    /// Those of more than one partition that are to be forgotten, with their times: their last announcement is long ago,
    /// and no partition is current that only they have.
    pub fn forgettable(
        &self,
        now: Duration,
        current: &BTreeSet<Partition>,
        own: PartitionCount,
    ) -> Vec<(PartitionCount, Duration)> {
        let is_kept = |count: PartitionCount, at: Duration| {
            count == PartitionCount::ONE || count == own || at + REMEMBERED >= now
        };
        let kept =
            self.0.iter().filter(|(count, at)| is_kept(*count, *at)).map(|(count, _)| *count);
        let kept: BTreeSet<_> = kept.chain([own]).flat_map(PartitionCount::partitions).collect();
        let is_retired = |count: PartitionCount| {
            count
                .partitions()
                .all(|partition| kept.contains(&partition) || !current.contains(&partition))
        };
        let old = self.0.iter().filter(|(count, at)| !is_kept(*count, *at) && is_retired(*count));
        old.copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn count(count: u16) -> PartitionCount {
        PartitionCount::new(count).unwrap()
    }

    fn recorded(counts: &[(u16, Duration)]) -> RecordedCounts {
        RecordedCounts(counts.iter().map(|(number, at)| (count(*number), *at)).collect())
    }

    #[test]
    fn a_count_is_fresh_for_a_minute() {
        let recorded = recorded(&[(2, DAY), (4, DAY + Duration::from_secs(30))]);
        let fresh =
            |seconds| recorded.fresh(DAY + Duration::from_secs(seconds)).collect::<Vec<_>>();
        assert_eq!(fresh(60), [count(2), count(4)]);
        assert_eq!(fresh(61), [count(4)]);
        assert_eq!(fresh(91), []);
    }

    #[test]
    fn a_count_is_forgotten_when_it_is_old_and_its_partitions_are_retired() {
        let recorded = recorded(&[(1, DAY), (2, 9 * DAY), (4, DAY)]);
        let four = [(count(4), DAY)];
        let forgettable = |days: u32, current: &[u16]| {
            let current = current.iter().copied().map(Partition::Numbered).collect();
            recorded.forgettable(days * DAY, &current, count(2))
        };
        assert_eq!(forgettable(8, &[0, 1]), [], "it was announced seven days ago");
        assert_eq!(forgettable(9, &[0, 1]), four);
        assert_eq!(forgettable(9, &[0, 1, 3]), [], "partition 3 has entries");
    }

    #[test]
    fn fields_of_other_programs_are_ignored() {
        let text = |text: &str| Value::BulkString(text.into());
        let fields = ["4", "1000", "0", "1", "300", "1", "x", "1", "2", "y"].map(text);
        let recorded = RecordedCounts::parse(Value::Array(fields.into())).unwrap();
        assert_eq!(recorded.counts().collect::<Vec<_>>(), [count(4)]);
    }
}
