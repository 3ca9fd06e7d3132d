//! The order in which a site's readings are served.
//!
//! Redis orders members of one score by their bytes, so entry `…-10` before `…-9`; the contract wants
//! the instant, and for equal instants the stream id as numbers.

use super::reader::Page;
use crate::iso8601::Instant;
use crate::store::StreamId;
use crate::store::codec::StoredReading;

/// Members of one score that are held back at most, to be sorted together. A device with a stuck
/// clock can give millions of readings one score; past this bound they are passed on as they come,
/// but for those of the last millisecond. (Their stream ids start with milliseconds of equal length,
/// so only the numbers within a millisecond can be out of order.)
const MAX_TIE: usize = 10_000;

/// Puts members of one score in order; takes them in the order of Redis.
#[derive(Debug, Default)]
pub(super) struct InstantOrder {
    score: f64,
    tied: Vec<Vec<u8>>,
}

type Position = (Option<Instant>, Option<StreamId>);

impl InstantOrder {
    /// Takes the next member; passes on those that it is certain about.
    pub fn push(&mut self, score: f64, member: Vec<u8>, page: &mut Page) {
        if self.score.total_cmp(&score).is_ne() {
            self.finish(page);
            self.score = score;
        }
        self.tied.push(member);
        if self.tied.len() >= MAX_TIE {
            self.pass_on_all_but_last_millisecond(page);
        }
    }

    /// Passes on what is held back.
    pub fn finish(&mut self, page: &mut Page) {
        if let [single] = self.tied.as_slice() {
            match StoredReading::from_member(single) {
                Ok(_) => page.members.append(&mut self.tied),
                Err(_) => page.unreadable += 1,
            }
            self.tied.clear();
            return;
        }
        let sorted = self.take_sorted(page);
        page.members.extend(sorted.into_iter().map(|(_, member)| member));
    }

    fn pass_on_all_but_last_millisecond(&mut self, page: &mut Page) {
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
                Err(_) => page.unreadable += 1,
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
        let (mut order, mut page) = (InstantOrder::default(), Page::default());
        for id in ["1-0", "10-0", "10-10", "10-9", "2-0"] {
            order.push(0.0, member(id), &mut page);
        }
        order.finish(&mut page);
        assert!(ids(&page).is_sorted(), "{:?}", ids(&page));
        assert_eq!(page.members.len(), 5);
    }

    #[test]
    fn a_member_that_is_no_reading_is_skipped_and_counted() {
        let (mut order, mut page) = (InstantOrder::default(), Page::default());
        order.push(0.0, b"junk".to_vec(), &mut page);
        order.push(1.0, member("1-0"), &mut page);
        order.push(2.0, b"junk".to_vec(), &mut page);
        order.push(2.0, member("2-0"), &mut page);
        order.finish(&mut page);
        assert_eq!((page.members.len(), page.unreadable), (2, 2));
    }

    #[test]
    fn a_stuck_clock_holds_back_a_bounded_number_of_readings_in_order() {
        let (mut order, mut page) = (InstantOrder::default(), Page::default());
        let mut all: Vec<_> = (0..3 * MAX_TIE)
            .map(|n| member(&format!("{}-{}", 1_700_000_000_000 + n / 20, n % 20)))
            .collect();
        all.sort();
        for member in all {
            order.push(5.0, member, &mut page);
            assert!(order.tied.len() < MAX_TIE);
        }
        order.finish(&mut page);
        assert_eq!(page.members.len(), 3 * MAX_TIE);
        assert!(ids(&page).is_sorted());
    }
}
