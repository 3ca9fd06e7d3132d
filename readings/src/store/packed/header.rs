//! What is known of a day without its members.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::iso8601::Instant;

/// What is known of a packed or archived day. A day without a header has members in the sorted set alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayHeader {
    /// Increases with each change of what the day has, except that it is packed for the first time, and moved to the
    /// archive: these leave its readings as they are.
    pub revision: u32,
    /// Whether the members that were packed are removed from the sorted set. Else both may have them.
    pub is_complete: bool,
    /// The members of its packed value; none once they are archived or unpacked.
    pub packed: Contents,
    /// The members that the archive has.
    pub archived: Option<ArchivedDay>,
}

/// Members of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contents {
    /// How many.
    pub count: u64,
    /// Their [`checksum`].
    pub checksum: u64,
    /// Microseconds since the epoch of the first and the last of them; 0 without any.
    pub first: i64,
    /// As `first`.
    pub last: i64,
}

/// What the archive has of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArchivedDay {
    /// Readings of the day, all of which count.
    Current(Contents),
    /// Readings that do not count: the packed value has those of the day that are not deleted. The next file of the day
    /// replaces them.
    Superseded,
}

/// The version of the format.
const VERSION: u8 = 1;

/// The bits of a signature below those of the revision: more than a day has members.
const COUNT_BITS: u32 = 40;

impl DayHeader {
    /// Its bytes in Redis.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Err: never, memory is written to.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// The header that has these bytes; `None` when they are of no header, or of a later version of the format.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&VERSION, rest) = bytes.split_first()? else { return None };
        postcard::take_from_bytes(rest).ok().filter(|(_, rest)| rest.is_empty()).map(|(it, _)| it)
    }

    /// The members that the archive has and that count.
    #[must_use]
    pub const fn archived(&self) -> Option<Contents> {
        match self.archived {
            Some(ArchivedDay::Current(contents)) => Some(contents),
            Some(ArchivedDay::Superseded) | None => None,
        }
    }

    /// Whether it has members outside of the sorted set.
    #[must_use]
    pub const fn has_members(&self) -> bool {
        self.packed.count > 0 || self.archived().is_some()
    }

    /// Whether it can be archived: it is packed, or was changed since it was archived.
    #[must_use]
    pub const fn is_archivable(&self) -> bool {
        self.is_complete
            && (self.packed.count > 0 || matches!(self.archived, Some(ArchivedDay::Superseded)))
    }

    /// The number of members outside of the sorted set; one that both have counts twice.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.packed.count + self.archived().map_or(0, |archived| archived.count)
    }

    /// The instants of its first and last member outside of the sorted set.
    #[must_use]
    pub fn ends(&self) -> Option<[Instant; 2]> {
        let parts = [Some(self.packed), self.archived()].into_iter().flatten();
        let parts = parts.filter(|contents| contents.count > 0);
        let ends = parts.map(|contents| [contents.first, contents.last]);
        let ends = ends.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])?;
        Some(ends.map(Instant::from_epoch_micros))
    }

    /// A number that differs whenever the readings of the day differ: of its header, if it has one, and the number of its
    /// members in the sorted set. The same for a day before and after it is packed, and moved to the archive.
    ///
    /// A count alone would not do: of a day with a repeated reading in the sorted set, which the next packing drops, and
    /// another late reading, the counts are equal. Each of these changes has a revision of its own.
    #[must_use]
    pub fn signature(header: Option<&Self>, hot: u64) -> u64 {
        let Some(header) = header else { return hot };
        let counted = (u64::from(header.revision) << COUNT_BITS) + header.members() + hot;
        // While members are moved they count twice; a number that no complete day has.
        if header.is_complete { counted } else { counted | 1 << 63 }
    }
}

/// A checksum of members that does not depend on their order: the sum of their XXH3 hashes.
#[must_use]
pub fn checksum<'a>(members: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    members.into_iter().map(xxh3_64).fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Contents = Contents { count: 10, checksum: 7, first: 1, last: 2 };

    fn header() -> DayHeader {
        DayHeader { revision: 0, is_complete: true, packed: TEN, archived: None }
    }

    #[test]
    fn a_header_is_read_from_its_own_bytes() {
        let archived = Some(ArchivedDay::Current(TEN));
        for header in [header(), DayHeader { archived, revision: u32::MAX, ..header() }] {
            assert_eq!(DayHeader::from_bytes(&header.to_bytes()), Some(header));
        }
        assert_eq!(DayHeader::from_bytes(b"\x02rest"), None);
        assert_eq!(DayHeader::from_bytes(b""), None);
    }

    #[test]
    fn packing_and_archiving_leave_the_signature_as_it_is() {
        let packed = header();
        let archived = Some(ArchivedDay::Current(TEN));
        let archived = DayHeader { packed: Contents::default(), archived, ..header() };
        assert_eq!(DayHeader::signature(None, 10), DayHeader::signature(Some(&packed), 0));
        assert_eq!(DayHeader::signature(None, 10), DayHeader::signature(Some(&archived), 0));
    }

    #[test]
    fn each_change_has_a_signature_of_its_own() {
        let moving = DayHeader { is_complete: false, ..header() };
        let packed_again = DayHeader { revision: 1, ..header() };
        let signatures = [
            DayHeader::signature(Some(&header()), 1),
            DayHeader::signature(Some(&packed_again), 0),
            DayHeader::signature(Some(&packed_again), 1),
            DayHeader::signature(Some(&moving), 10),
            DayHeader::signature(None, 20),
        ];
        let distinct: std::collections::BTreeSet<_> = signatures.into_iter().collect();
        assert_eq!(distinct.len(), signatures.len());
    }
}
