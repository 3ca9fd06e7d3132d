//! How far the partitions of the stream were read: the id of an event, with which a client continues.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use readings::store::stream::EntryId;
use readings::store::{Partition, StreamId};

/// The last entry of each partition that was read. As text: the ids of these entries, separated by commas; of the whole
/// stream alone it is a stream id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Positions(BTreeMap<Partition, StreamId>);

impl Positions {
    /// The position in a partition, if it is known.
    pub fn of(&self, partition: Partition) -> Option<StreamId> {
        self.0.get(&partition).copied()
    }

    /// Sets the position in a partition.
    pub fn set(&mut self, partition: Partition, position: StreamId) {
        self.0.insert(partition, position);
    }

    /// Whether this entry was read.
    pub fn include(&self, partition: Partition, id: StreamId) -> bool {
        self.of(partition).is_some_and(|position| id <= position)
    }

    /// Moves each known position forward to that of `read`, where it is behind.
    pub fn advance(&mut self, read: &Self) {
        for (partition, position) in &mut self.0 {
            *position = (*position).max(read.of(*partition).unwrap_or_default());
        }
    }

    /// Those of these partitions.
    pub fn among(&self, partitions: &[Partition]) -> Self {
        let entries = self.iter().filter(|(partition, _)| partitions.contains(partition));
        Self(entries.collect())
    }

    /// All partitions and their positions.
    pub fn iter(&self) -> impl Iterator<Item = (Partition, StreamId)> {
        self.0.iter().map(|(&partition, &position)| (partition, position))
    }

    /// Whether it has positions of these partitions and of no other.
    pub fn are_of(&self, partitions: &[Partition]) -> bool {
        self.0.len() == partitions.len() && partitions.iter().all(|it| self.0.contains_key(it))
    }

    /// The latest of them.
    pub fn latest(&self) -> StreamId {
        self.0.values().max().copied().unwrap_or_default()
    }
}

impl FromIterator<(Partition, StreamId)> for Positions {
    fn from_iter<I: IntoIterator<Item = (Partition, StreamId)>>(positions: I) -> Self {
        Self(positions.into_iter().collect())
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (partition, id)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", EntryId { id, partition })?;
        }
        Ok(())
    }
}

/// A text that is no id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event id")]
pub(super) struct PositionsError;

impl FromStr for Positions {
    type Err = PositionsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut positions = Self::default();
        for text in text.split(',') {
            let EntryId { id, partition } = text.parse().map_err(|_| PositionsError)?;
            if positions.0.insert(partition, id).is_some() {
                return Err(PositionsError);
            }
        }
        Ok(positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(text: &str) -> Positions {
        text.parse().unwrap()
    }

    fn id(text: &str) -> StreamId {
        text.parse().unwrap()
    }

    #[test]
    fn an_id_has_the_position_of_each_partition_and_of_the_whole_stream_it_is_a_stream_id() {
        for text in ["5-1", "3:5-1", "5-1,0:7-0,3:5-1"] {
            assert_eq!(positions(text).to_string(), text);
        }
        assert_eq!(positions("3:5-1,0:7-0").to_string(), "0:7-0,3:5-1");
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in
            ["", "5", "x", "5-1,", ",5-1", "3:5-1,3:6-1", "5-1,6-1", "300:5-1", "5-1, 3:5-1"]
        {
            assert_eq!(text.parse::<Positions>(), Err(PositionsError), "{text:?}");
        }
    }

    #[test]
    fn an_entry_is_read_if_the_position_of_its_partition_is_at_it_or_behind_it() {
        let read = positions("0:7-0,3:5-1");
        assert!(read.include(Partition::Numbered(3), id("5-1")));
        assert!(!read.include(Partition::Numbered(3), id("5-2")));
        assert!(!read.include(Partition::Numbered(1), id("1-0")), "nothing of it was read");
    }

    #[test]
    fn positions_advance_and_gain_no_partition() {
        let mut read = positions("0:7-0,3:5-1");
        read.advance(&positions("0:6-0,1:9-0,3:8-0"));
        assert_eq!(read, positions("0:7-0,3:8-0"));
        assert_eq!(read.latest(), id("8-0"));
    }
}
