//! The partitions of the stream: streams that share its readings by a hash of their sites.
//!
//! A site's readings are all in one partition, so their order stays. With one partition it is the stream itself, as
//! the original has it; with more each is a stream of its own in a hash slot of its own, so that a Redis Cluster spreads
//! them over its masters.

use std::fmt;
use std::num::NonZeroU16;

use xxhash_rust::xxh3::xxh3_64;

use crate::reading::SiteId;

/// A number of partitions (`STREAM_PARTITIONS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionCount(NonZeroU16);

/// One partition of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Partition {
    /// The stream itself: the only partition of one.
    #[default]
    Whole,
    /// One of several, counted from 0. It is the same stream whatever their number is.
    Numbered(u16),
}

impl PartitionCount {
    /// The stream itself.
    pub const ONE: Self = Self(NonZeroU16::MIN);

    /// The largest number. Higher: each consumer has a connection for each partition, and each is read on its own.
    pub const MAX: u16 = 256;

    /// Between 1 and [`PartitionCount::MAX`].
    #[must_use]
    pub const fn new(count: u16) -> Option<Self> {
        match NonZeroU16::new(count) {
            Some(count) if count.get() <= Self::MAX => Some(Self(count)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The partition of a site. It is a part of the protocol between processes of all versions.
    #[must_use]
    pub fn partition_of(self, site: &SiteId) -> Partition {
        self.partition_of_bytes(site.as_str().as_bytes())
    }

    /// As [`PartitionCount::partition_of`], of what is not a site's: a rejected row.
    #[must_use]
    pub fn partition_of_bytes(self, bytes: &[u8]) -> Partition {
        if self == Self::ONE {
            return Partition::Whole;
        }
        // The remainder is below the count, which is a `u16`.
        let number = u16::try_from(xxh3_64(bytes) % u64::from(self.get()));
        number.map_or(Partition::Whole, Partition::Numbered)
    }

    /// All partitions, in their order.
    pub fn partitions(self) -> impl Iterator<Item = Partition> {
        (0..self.get()).map(move |number| {
            if self == Self::ONE { Partition::Whole } else { Partition::Numbered(number) }
        })
    }
}

/// `whole`, or the number.
impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Numbered(number) => number.fmt(f),
        }
    }
}

impl Default for PartitionCount {
    fn default() -> Self {
        Self::ONE
    }
}

impl fmt::Display for PartitionCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn site(name: &str) -> SiteId {
        SiteId::new(name).unwrap()
    }

    #[test]
    fn one_partition_is_the_stream_itself() {
        assert_eq!(PartitionCount::ONE.partition_of(&site("a")), Partition::Whole);
        assert_eq!(PartitionCount::ONE.partitions().collect::<Vec<_>>(), [Partition::Whole]);
    }

    #[test]
    fn the_partition_of_a_site_never_changes() {
        let four = PartitionCount::new(4).unwrap();
        let found = ["site-001", "Haus 7", "ü", "{x}"].map(|name| four.partition_of(&site(name)));
        assert_eq!(found, [1, 3, 2, 1].map(Partition::Numbered));
    }

    #[test]
    fn sites_are_spread_evenly() {
        for count in [4, 16, 64] {
            let count = PartitionCount::new(count).unwrap();
            let mut sites: HashMap<Partition, usize> = HashMap::new();
            for number in 0..64_000 {
                *sites
                    .entry(count.partition_of(&site(&format!("site-{number:05}"))))
                    .or_default() += 1;
            }
            let expected = 64_000 / usize::from(count.get());
            assert_eq!(sites.len(), usize::from(count.get()));
            assert!(sites.values().all(|found| found.abs_diff(expected) < expected / 5), "{count}");
        }
    }

    #[test]
    fn a_count_is_between_one_and_the_largest() {
        assert_eq!(PartitionCount::new(0), None);
        assert_eq!(PartitionCount::new(257), None);
        assert_eq!(PartitionCount::new(256).map(PartitionCount::get), Some(256));
    }
}
