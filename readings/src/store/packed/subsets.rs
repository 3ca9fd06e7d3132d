//! Parts and unions of the members of a day.

use std::collections::HashSet;
use std::ops::Range;

use super::block::PackedMembers;
use crate::iso8601::Instant;
use crate::store::codec::StoredReading;
use crate::store::stream_id::StreamId;

impl PackedMembers {
    /// These without some.
    #[must_use]
    pub fn without(&self, removed: &HashSet<&[u8]>) -> Self {
        Self::from_sorted(self.iter().filter(|member| !removed.contains(member)))
    }

    /// The members of both, each once, in the order of responses.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all: Vec<_> = self.iter().chain(other.iter()).map(|it| (order(it), it)).collect();
        all.sort_unstable();
        all.dedup();
        Self::from_sorted(all.into_iter().map(|(_, member)| member))
    }

    /// The places of the members of one instant.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Range<usize> {
        let first = self.first_place(|of| of >= instant);
        first..self.first_place(|of| of > instant)
    }

    /// The first place whose instant is so; these are all behind those that are not.
    fn first_place(&self, is_so: impl Fn(Instant) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let instant = self.get(middle).and_then(|member| order(member).0);
            if instant.is_some_and(&is_so) { high = middle } else { low = middle + 1 }
        }
        low
    }
}

fn order(member: &[u8]) -> (Option<Instant>, Option<StreamId>) {
    StoredReading::from_member(member).map(|reading| reading.order()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, second: u32) -> Vec<u8> {
        format!(
            r#"{{"stream_id": "{id}", "site_id": "house", "device_id": "d", "power_reading": 1.5, "timestamp": "1970-01-02T00:00:{second:02}Z", "ingested_at": "1970-01-02T00:00:00.000000"}}"#
        )
        .into_bytes()
    }

    fn members(all: &[Vec<u8>]) -> PackedMembers {
        PackedMembers::from_sorted(all.iter().map(Vec::as_slice))
    }

    #[test]
    fn a_union_has_each_member_once_in_the_order_of_responses() {
        let (first, second, third) = (member("9-0", 1), member("10-0", 1), member("1-0", 2));
        let one = members(&[first.clone(), third.clone()]);
        let other = members(&[second.clone(), third.clone()]);
        let union = one.union(&other);
        assert_eq!(union.iter().collect::<Vec<_>>(), [&first[..], &second, &third]);
        let without = union.without(&HashSet::from([&second[..]]));
        assert_eq!(without.text(), one.text());
    }

    #[test]
    fn members_are_found_by_their_instant() {
        let all: Vec<_> = [1, 1, 2, 4, 4, 4].map(|second| member("1-0", second)).into();
        let members = members(&all);
        let at =
            |second: i64| members.at(Instant::from_epoch_micros((86_400 + second) * 1_000_000));
        assert_eq!(
            [at(0), at(1), at(2), at(3), at(4), at(5)],
            [0..0, 0..2, 2..3, 3..3, 3..6, 6..6]
        );
        assert_eq!(PackedMembers::default().at(Instant::from_epoch_micros(0)), 0..0);
    }
}
