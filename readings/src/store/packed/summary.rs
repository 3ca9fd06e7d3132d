//! What is known of all days of a site together.
//!
//! A page of a thousand sites needs the number of their readings: to read the headers of all their days would be megabytes.
//! So what packs a site stores the summary beside them, with the version that it is of. Where it is of another version, the
//! headers are read; so it need not be stored, and is never wrong.

use serde::{Deserialize, Serialize};

use super::header::DayHeader;
use super::site_days::SiteDays;
use crate::energy::rollup::Day;
use crate::iso8601::Instant;

/// 1990-01-01, in microseconds since the epoch: clocks that were never set begin in the years 1, 1900, 1970 or 1980. Too
/// early and such readings are the first ones of a site; too late and years of readings are outliers.
pub const FIRST_PLAUSIBLE_MICROS: i64 = 631_152_000_000_000;

/// The days of a site that have headers, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DaysSummary {
    /// The number of members outside of the sorted set; one that two tiers have counts twice.
    pub members: u64,
    /// The sum of all revisions: it increases with each change but first packings and moves to the archive.
    pub revisions: u64,
    /// How many days have members that are being moved, which count twice.
    pub moving: u32,
    /// The number of the last day.
    last_day: i32,
    /// Microseconds of the first plausible and the last instant; `None` without members.
    first: Option<i64>,
    last: Option<i64>,
    /// The numbers of the first day that can be archived, and of the first that is.
    first_archivable: Option<i32>,
    first_archived: Option<i32>,
}

/// The version of the format.
const VERSION: u8 = 2;

impl DaysSummary {
    /// Adds a day that is later than the others.
    fn add(&mut self, day: Day, header: &DayHeader) {
        self.members += header.members();
        self.revisions += u64::from(header.revision);
        self.moving += u32::from(!header.is_complete);
        self.last_day = day.number();
        if self.first_archivable.is_none() && header.is_archivable() {
            self.first_archivable = Some(day.number());
        }
        if self.first_archived.is_none() && header.archived().is_some() {
            self.first_archived = Some(day.number());
        }
        let Some([first, last]) = header.ends().map(|ends| ends.map(Instant::epoch_micros)) else {
            return;
        };
        self.last = self.last.max(Some(last));
        if self.first.is_none() && first >= FIRST_PLAUSIBLE_MICROS {
            self.first = Some(first);
        }
    }

    /// The day after the last one that has a header.
    #[must_use]
    pub const fn end(&self) -> Day {
        Day::from_number(self.last_day).next()
    }

    /// The first plausible instant of its members.
    #[must_use]
    pub fn first(&self) -> Option<Instant> {
        self.first.map(Instant::from_epoch_micros)
    }

    /// The last instant of its members.
    #[must_use]
    pub fn last(&self) -> Option<Instant> {
        self.last.map(Instant::from_epoch_micros)
    }

    /// The first day that can be archived ([`DayHeader::is_archivable`]).
    #[must_use]
    pub fn first_archivable(&self) -> Option<Day> {
        self.first_archivable.map(Day::from_number)
    }

    /// The first day of which the archive has readings that count.
    #[must_use]
    pub fn first_archived(&self) -> Option<Day> {
        self.first_archived.map(Day::from_number)
    }

    /// Its bytes in Redis, for one version of the days.
    pub(super) fn to_bytes(self, version: &[u8]) -> Vec<u8> {
        // Err: never, memory is written to.
        postcard::to_extend(&(version, self), vec![VERSION]).unwrap_or_default()
    }

    /// The summary that has these bytes; `None` for one of another version of the days, or another format.
    pub(super) fn from_bytes(bytes: &[u8], version: &[u8]) -> Option<Self> {
        let (&VERSION, rest) = bytes.split_first()? else { return None };
        let ((of, summary), rest) = postcard::take_from_bytes::<(&[u8], Self)>(rest).ok()?;
        (of == version && rest.is_empty()).then_some(summary)
    }
}

impl SiteDays {
    /// All days together; `None` without any.
    #[must_use]
    pub fn summary(&self) -> Option<DaysSummary> {
        self.summary_before(None)
    }

    /// As [`SiteDays::summary`], of the days before one.
    #[must_use]
    pub fn summary_before(&self, end: Option<Day>) -> Option<DaysSummary> {
        let mut summary = DaysSummary::default();
        let days = self.headers.iter().filter(|(day, _)| end.is_none_or(|end| **day < end));
        let mut days = days.peekable();
        days.peek()?;
        days.for_each(|(day, header)| summary.add(*day, header));
        Some(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::{ArchivedDay, Contents};
    use super::*;

    const DAY_MICROS: i64 = 86_400_000_000;

    fn header(day: i32, count: u64) -> DayHeader {
        let first = i64::from(day) * DAY_MICROS + 5;
        let packed = Contents { count, checksum: 0, first, last: first + 9 };
        DayHeader { revision: 2, is_complete: true, packed, archived: None }
    }

    fn days(headers: impl IntoIterator<Item = (i32, DayHeader)>) -> SiteDays {
        let headers = headers.into_iter().map(|(day, header)| (Day::from_number(day), header));
        SiteDays { version: Some(b"7".to_vec()), headers: headers.collect() }
    }

    #[test]
    fn a_summary_has_the_members_and_the_ends_of_all_days_and_the_first_plausible_instant() {
        let moving = DayHeader { is_complete: false, ..header(9_000, 5) };
        let unpacked = DayHeader { packed: Contents::default(), ..header(9_001, 0) };
        let days = days([(0, header(0, 3)), (9_000, moving), (9_001, unpacked)]);
        let summary = days.summary().unwrap();
        assert_eq!((summary.members, summary.revisions, summary.moving), (8, 6, 1));
        assert_eq!(summary.first().unwrap().epoch_micros(), 9_000 * DAY_MICROS + 5);
        assert_eq!(summary.last().unwrap().epoch_micros(), 9_000 * DAY_MICROS + 14);
        assert_eq!(summary.end().number(), 9_002);
        assert_eq!(days.summary_before(Some(Day::from_number(9_000))).unwrap().members, 3);
        assert_eq!(days.summary_before(Some(Day::from_number(0))), None);
    }

    #[test]
    fn a_summary_has_the_first_days_that_are_archived_and_that_can_be() {
        let archived =
            |of| DayHeader { archived: Some(of), packed: Contents::default(), ..header(0, 0) };
        let current = archived(ArchivedDay::Current(header(5, 2).packed));
        let superseded = archived(ArchivedDay::Superseded);
        let moving = DayHeader { is_complete: false, ..header(4, 3) };
        let all = [(4, moving), (5, current), (6, superseded), (7, header(7, 1))];
        let summary = days(all).summary().unwrap();
        assert_eq!(summary.first_archivable(), Some(Day::from_number(6)));
        assert_eq!(summary.first_archived(), Some(Day::from_number(5)));
    }

    #[test]
    fn a_summary_is_read_for_the_version_that_it_is_of() {
        let summary = days([(9_000, header(9_000, 3))]).summary().unwrap();
        let bytes = summary.to_bytes(b"7");
        assert_eq!(DaysSummary::from_bytes(&bytes, b"7"), Some(summary));
        assert_eq!(DaysSummary::from_bytes(&bytes, b"8"), None);
        assert_eq!(DaysSummary::from_bytes(b"\x01", b"7"), None);
    }
}
