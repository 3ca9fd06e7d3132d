//! How the readings of a run are spread: partitions of the stream, and the masters of a Redis Cluster.

use std::fmt;
use std::num::NonZeroU16;

use readings::store::PartitionCount;

/// Partitions and masters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// `STREAM_PARTITIONS`.
    pub partitions: PartitionCount,
    /// Servers: one alone, or the masters of a Redis Cluster.
    pub masters: NonZeroU16,
}

impl Layout {
    /// One stream in one server.
    pub const SIMPLE: Self = Self { partitions: PartitionCount::ONE, masters: NonZeroU16::MIN };

    /// Each number of partitions with each number of masters.
    pub fn all(partitions: &[PartitionCount], masters: &[NonZeroU16]) -> Vec<Self> {
        let with =
            |&masters| partitions.iter().map(move |&partitions| Self { partitions, masters });
        masters.iter().flat_map(with).collect()
    }
}

impl fmt::Display for Layout {
    /// Empty if it is [`Layout::SIMPLE`]; else it begins with a comma.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partitions, masters } = self;
        if *partitions > PartitionCount::ONE {
            write!(f, ", {partitions} partitions")?;
        }
        match masters.get() {
            1 => Ok(()),
            count => write!(f, ", Cluster of {count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_named_by_what_is_not_simple() {
        let partitions = [1, 4].map(|count| PartitionCount::new(count).unwrap());
        let masters = [1, 3].map(|count| NonZeroU16::new(count).unwrap());
        let names: Vec<_> =
            Layout::all(&partitions, &masters).iter().map(Layout::to_string).collect();
        assert_eq!(names, ["", ", 4 partitions", ", Cluster of 3", ", 4 partitions, Cluster of 3"]);
    }
}
