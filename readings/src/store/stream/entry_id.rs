//! The id of an entry of any partition: ids of two partitions may be equal.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::store::partition::{Partition, PartitionCount};
use crate::store::stream_id::{StreamId, StreamIdError};

/// An entry's id and its partition: `1700000000000-0` of the whole stream, `3:1700000000000-0` of partition 3. Ordered by
/// the id first, so roughly by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EntryId {
    /// The id in the partition's stream.
    pub id: StreamId,
    /// The partition.
    pub partition: Partition,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.partition {
            Partition::Whole => self.id.fmt(f),
            Partition::Numbered(number) => write!(f, "{number}:{}", self.id),
        }
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for EntryId {
    type Err = StreamIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((number, id)) = text.split_once(':') else {
            return Ok(Self { id: text.parse()?, partition: Partition::Whole });
        };
        let partition = Partition::Numbered(partition_number(number).ok_or(StreamIdError)?);
        Ok(Self { id: id.parse()?, partition })
    }
}

/// The number of a partition that can exist, in the form in which it is written: an entry has one id.
fn partition_number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok().filter(|&number| number < PartitionCount::MAX)?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> EntryId {
        text.parse().unwrap()
    }

    #[test]
    fn an_id_of_a_numbered_partition_begins_with_its_number() {
        let third = EntryId { id: StreamId { ms: 5, seq: 1 }, partition: Partition::Numbered(3) };
        assert_eq!((id("3:5-1"), third.to_string()), (third, "3:5-1".to_owned()));
        assert_eq!(id("5-1").partition, Partition::Whole);
        assert_eq!(id("5-1").to_string(), "5-1");
    }

    #[test]
    fn ids_are_ordered_by_time_and_then_by_partition() {
        assert!(id("5-1") < id("0:5-1") && id("0:5-1") < id("3:5-1"));
        assert!(id("200:5-1") < id("0:5-2"));
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in
            ["256:5-1", "03:5-1", "+3:5-1", ":5-1", "3:", "3:5", "x:5-1", "1:2:5-1", "whole:5-1"]
        {
            assert_eq!(text.parse::<EntryId>(), Err(StreamIdError), "{text}");
        }
    }
}
