//! The order of a site's readings in a response.
//!
//! Redis orders members of one score by their bytes, so entry `…-10` before `…-9`; the contract demands
//! the instant, and for equal instants the stream id as numbers.

use super::page::Page;
use crate::iso8601::Instant;
use crate::store::codec::StoredReading;
use crate::store::stream_id::StreamId;

/// Members of one score that are held back at most, to be sorted together. A device with a stuck clock
/// can give millions of readings one score; above this bound they are passed on, except those of the
/// last millisecond: stream ids begin with milliseconds of equal length, so only sequence numbers within
/// one millisecond can be out of order. Too low and sorting runs often; too high and a stuck clock fills
/// memory.
pub(super) const MAX_TIED_MEMBERS: usize = 10_000;

/// Sorts members of one score; they must be pushed in Redis' order.
#[derive(Debug, Default)]
pub(super) struct TieSorter {
    score: f64,
    tied: Vec<Vec<u8>>,
}

type Position = (Option<Instant>, Option<StreamId>);

impl TieSorter {
    /// Adds the next member, and passes those on whose order is final.
    pub fn push(&mut self, score: f64, member: Vec<u8>, page: &mut Page) {
        if self.score.total_cmp(&score).is_ne() {
            self.finish(page);
            self.score = score;
        }
        self.tied.push(member);
        if self.tied.len() >= MAX_TIED_MEMBERS {
            self.flush_complete_milliseconds(page);
        }
    }

    /// Passes on the members that are held back.
    pub fn finish(&mut self, page: &mut Page) {
        // The usual case, without the cost of parsing a position.
        if let [single] = self.tied.as_slice() {
            match StoredReading::from_member(single) {
                Ok(_) => page.members.append(&mut self.tied),
                Err(_) => page.invalid += 1,
            }
            self.tied.clear();
            return;
        }
        let sorted = self.take_sorted(page);
        page.members.extend(sorted.into_iter().map(|(_, member)| member));
    }

    /// Passes on the members whose order no later member can change.
    fn flush_complete_milliseconds(&mut self, page: &mut Page) {
        let sorted = self.take_sorted(page);
        let millisecond = |position: &Position| position.1.map(|id| id.ms);
        let last = sorted.last().and_then(|(position, _)| millisecond(position));
        for (position, member) in sorted {
            if millisecond(&position) == last {
                self.tied.push(member);
            } else {
                page.members.push(member);
            }
        }
    }

    fn take_sorted(&mut self, page: &mut Page) -> Vec<(Position, Vec<u8>)> {
        let mut sorted = Vec::with_capacity(self.tied.len());
        for member in self.tied.drain(..) {
            let position = StoredReading::from_member(&member).map(|reading| reading.order());
            match position {
                Ok(position) => sorted.push((position, member)),
                Err(_) => page.invalid += 1,
            }
        }
        sorted.sort_by_key(|(position, _)| *position);
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> Vec<u8> {
        format!(
            r#"{{"stream_id": "{id}", "site_id": "s", "device_id": "d", "power_reading": 1.0, "timestamp": "1970-01-01T00:00:00Z", "ingested_at": ""}}"#
        )
        .into_bytes()
    }

    fn ids(page: &Page) -> Vec<StreamId> {
        let id = |member: &Vec<u8>| StoredReading::from_member(member).unwrap().order().1.unwrap();
        page.members.iter().map(id).collect()
    }

    #[test]
    fn readings_of_one_instant_are_ordered_by_stream_id_as_a_number() {
        let (mut sorter, mut page) = (TieSorter::default(), Page::default());
        for id in ["1-0", "10-0", "10-10", "10-9", "2-0"] {
            sorter.push(0.0, member(id), &mut page);
        }
        sorter.finish(&mut page);
        assert!(ids(&page).is_sorted(), "{:?}", ids(&page));
        assert_eq!(page.members.len(), 5);
    }

    #[test]
    fn an_invalid_member_is_skipped_and_counted() {
        let (mut sorter, mut page) = (TieSorter::default(), Page::default());
        sorter.push(0.0, b"junk".to_vec(), &mut page);
        sorter.push(1.0, member("1-0"), &mut page);
        sorter.push(2.0, b"junk".to_vec(), &mut page);
        sorter.push(2.0, member("2-0"), &mut page);
        sorter.finish(&mut page);
        assert_eq!((page.members.len(), page.invalid), (2, 2));
    }

    #[test]
    fn a_stuck_clock_holds_back_a_bounded_number_of_readings_in_order() {
        let (mut sorter, mut page) = (TieSorter::default(), Page::default());
        let mut all: Vec<_> = (0..3 * MAX_TIED_MEMBERS)
            .map(|n| member(&format!("{}-{}", 1_700_000_000_000 + n / 20, n % 20)))
            .collect();
        all.sort();
        for member in all {
            sorter.push(5.0, member, &mut page);
            assert!(sorter.tied.len() < MAX_TIED_MEMBERS);
        }
        sorter.finish(&mut page);
        assert_eq!(page.members.len(), 3 * MAX_TIED_MEMBERS);
        assert!(ids(&page).is_sorted());
    }
}
