//! Where the local time of a zone begins a bucket.
//!
//! Two rules, as clocks that are set back repeat local times:
//! - Intervals up to an hour begin at every occurrence of a multiple of theirs, so a day of 25 hours has 25
//!   hourly buckets. A clock that is set back by less than the interval (Lord Howe: 30 minutes) makes one
//!   bucket longer.
//! - Longer ones begin at the first occurrence, so a day has twelve buckets of two hours, one of them longer
//!   where an hour is repeated.
//!
//! A clock that is set forward over the beginning of a bucket begins it there; one that is set over a whole
//! bucket (Apia had no 2011-12-30) leaves that bucket out.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::interval::{Interval, Unit};
use super::zone::Zone;
use crate::iso8601::Instant;

const MICROS_PER_SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * MICROS_PER_SECOND;

/// The instants after `start` at which buckets begin, in their order and without an end; until the calendar
/// ends.
pub(super) fn edges_after(
    start: Instant,
    interval: Interval,
    zone: Zone,
) -> Box<dyn Iterator<Item = Instant>> {
    let micros = interval.nominal_seconds() * MICROS_PER_SECOND;
    if micros <= HOUR {
        Box::new(EveryOccurrence { at: start, micros, zone })
    } else {
        Box::new(first_occurrences(start, interval, zone))
    }
}

/// Where the interval begins that an instant is in: an edge of a range that is not cut inside of an interval.
pub(super) fn edge_before(at: Instant, interval: Interval, zone: Zone) -> Option<Instant> {
    let micros = interval.nominal_seconds() * MICROS_PER_SECOND;
    if micros <= HOUR {
        let (at, offset) = (at.epoch_micros(), zone.offset(at)?);
        let since = at.checked_add(offset)?.rem_euclid(micros);
        return Some(Instant::from_epoch_micros(at.checked_sub(since)?));
    }
    zone.first_instant_at(beginning(zone.local(at)?, interval)?)
}

/// All occurrences of the local times that are multiples of an interval.
struct EveryOccurrence {
    at: Instant,
    micros: i64,
    zone: Zone,
}

impl Iterator for EveryOccurrence {
    type Item = Instant;

    fn next(&mut self) -> Option<Instant> {
        loop {
            let offset = self.zone.offset(self.at)?;
            let at = self.at.epoch_micros();
            let to_next = self.micros - at.checked_add(offset)?.rem_euclid(self.micros);
            let next = Instant::from_epoch_micros(at.checked_add(to_next)?);
            if self.zone.offset(next)? == offset {
                self.at = next;
                return Some(next);
            }
            self.at = self.transition(offset, next)?;
            if self.begins_bucket(offset)? {
                return Some(self.at);
            }
        }
    }
}

impl EveryOccurrence {
    /// The first instant up to `latest` with another offset than now. Transitions are at whole seconds.
    fn transition(&self, offset: i64, latest: Instant) -> Option<Instant> {
        let second = |instant: Instant| instant.epoch_micros().div_euclid(MICROS_PER_SECOND);
        let (mut before, mut from) = (second(self.at), second(latest));
        while from - before > 1 {
            let middle = before + (from - before) / 2;
            let at = Instant::from_epoch_micros(middle * MICROS_PER_SECOND);
            if self.zone.offset(at)? == offset {
                before = middle;
            } else {
                from = middle;
            }
        }
        Some(Instant::from_epoch_micros(from * MICROS_PER_SECOND))
    }

    /// Whether a bucket begins where the offset changes from `before`.
    fn begins_bucket(&self, before: i64) -> Option<bool> {
        let (at, after) = (self.at.epoch_micros(), self.zone.offset(self.at)?);
        let jumps_over =
            (at + after).div_euclid(self.micros) > (at + before - 1).div_euclid(self.micros);
        let is_multiple = (at + after).rem_euclid(self.micros) == 0;
        Some(if after > before { jumps_over } else { is_multiple })
    }
}

/// The first occurrence of each local time that begins an interval of more than an hour.
fn first_occurrences(
    start: Instant,
    interval: Interval,
    zone: Zone,
) -> impl Iterator<Item = Instant> {
    let beginning = zone.local(start).and_then(|local| beginning(local, interval));
    let labels = std::iter::successors(beginning, move |local| following(*local, interval));
    let edges = labels.map_while(move |local| zone.first_instant_at(local));
    // Of a label in a gap the end of the gap is the edge, which may be the next label's as well.
    let later = move |last: &mut Instant, edge: Instant| {
        let is_later = edge > *last;
        *last = edge.max(*last);
        Some(is_later.then_some(edge))
    };
    edges.scan(start, later).flatten()
}

/// The local time at which the interval of a local time begins.
fn beginning(local: NaiveDateTime, interval: Interval) -> Option<NaiveDateTime> {
    let date = local.date();
    let days = match interval.unit() {
        Unit::Minute | Unit::Hour => {
            let hour = local.hour() - local.hour() % u32::from(interval.count());
            return date.and_hms_opt(hour, 0, 0);
        }
        Unit::Day => date,
        Unit::Week => {
            date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))?
        }
        Unit::Month => date.with_day(1)?,
        Unit::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1)?,
    };
    Some(days.and_time(NaiveTime::MIN))
}

/// The local time at which the next interval begins.
fn following(local: NaiveDateTime, interval: Interval) -> Option<NaiveDateTime> {
    match interval.unit() {
        Unit::Minute | Unit::Hour => {
            local.checked_add_signed(TimeDelta::hours(interval.count().into()))
        }
        Unit::Day => local.checked_add_days(Days::new(1)),
        Unit::Week => local.checked_add_days(Days::new(7)),
        Unit::Month => local.checked_add_months(Months::new(1)),
        Unit::Year => local.checked_add_months(Months::new(12)),
    }
}
