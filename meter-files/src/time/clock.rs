//! From local times to instants, in the order of the lines of a device.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta, Utc};

use super::WrittenTime;
use super::zone::{Offsets, Zone};
use crate::shape::Times;

/// The order of the lines of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest time is first.
    OldestFirst,
    /// The newest time is first.
    NewestFirst,
}

/// The clock of a file: its zone, and the last instant of each device.
#[derive(Debug)]
pub struct Clock {
    zone: Option<Zone>,
    labels: Times,
    order: Order,
    last: HashMap<String, DateTime<Utc>>,
}

impl Clock {
    /// A clock in a zone, for times that denote these ends of intervals; `None`: each time has an offset.
    #[must_use]
    pub fn new(zone: Option<Zone>, labels: Times, order: Order) -> Self {
        Self { zone, labels, order, last: HashMap::new() }
    }

    /// The instant of a device's next time. A local time that occurs twice is the first occurrence, unless the line before
    /// has it or a later one: then it is the second. In a file with the newest time first it is the other way round.
    ///
    /// # Errors
    /// When the local time is missing, or there is neither an offset nor a zone.
    pub fn instant(&mut self, device: &str, time: WrittenTime) -> Result<DateTime<Utc>, String> {
        let last = self.last.get(device).copied();
        let instant = self.resolve(time, last)?;
        if last.is_none() {
            self.last.insert(device.to_owned(), instant);
        } else if let Some(known) = self.last.get_mut(device) {
            *known = instant;
        }
        Ok(instant)
    }

    /// The end of an interval that starts at an instant. A local time that occurs twice is the first that is after it.
    ///
    /// # Errors
    /// As of [`Clock::instant`].
    pub fn end_after(
        &self,
        start: DateTime<Utc>,
        end: WrittenTime,
    ) -> Result<DateTime<Utc>, String> {
        let offsets = end.offset.map(Offsets::One).or_else(|| Some(self.zone?.offsets(end.local)));
        match offsets {
            Some(Offsets::One(offset)) => at(end.local, offset),
            Some(Offsets::Repeated(first, second)) => {
                let earlier = at(end.local, first)?;
                if earlier > start { Ok(earlier) } else { at(end.local, second) }
            }
            Some(Offsets::Missing) => {
                // As if the clocks had not been set forward yet.
                let before = self.zone.map(|zone| zone.offsets(end.local - TimeDelta::hours(2)));
                match before {
                    Some(Offsets::One(offset)) => at(end.local, offset),
                    _ => Err(format!("`{}` does not exist", end.local)),
                }
            }
            None => Err(format!("`{}` has no offset; choose a zone by --tz", end.local)),
        }
    }

    fn resolve(
        &self,
        time: WrittenTime,
        last: Option<DateTime<Utc>>,
    ) -> Result<DateTime<Utc>, String> {
        let local = time.local;
        if let Some(offset) = time.offset {
            return at(local, offset);
        }
        let zone =
            self.zone.ok_or_else(|| format!("`{local}` has no offset; choose a zone by --tz"))?;
        match zone.offsets(local) {
            Offsets::One(offset) => at(local, offset),
            Offsets::Repeated(first, second) => {
                let (earlier, later) = (at(local, first)?, at(local, second)?);
                let is_second = match self.order {
                    Order::OldestFirst => last.is_some_and(|last| last >= earlier),
                    Order::NewestFirst => last.is_none_or(|last| last > later),
                };
                Ok(if is_second { later } else { earlier })
            }
            Offsets::Missing => self.end_of_missing(zone, local),
        }
    }

    /// The end of the interval before clocks are set forward may be written as the first time that is missing.
    fn end_of_missing(&self, zone: Zone, local: NaiveDateTime) -> Result<DateTime<Utc>, String> {
        const BEFORE: TimeDelta = TimeDelta::microseconds(1);
        match zone.offsets(local - BEFORE) {
            Offsets::One(offset) if self.labels == Times::End => at(local, offset),
            _ => Err(format!("`{local}` does not exist in {zone}: clocks are set forward there")),
        }
    }
}

fn at(local: NaiveDateTime, offset: FixedOffset) -> Result<DateTime<Utc>, String> {
    let utc = local.checked_sub_offset(offset).map(|utc| utc.and_utc());
    utc.ok_or_else(|| format!("`{local}` is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(
        zone: &str,
        labels: Times,
        order: Order,
        times: &[&str],
    ) -> Vec<Result<String, String>> {
        let mut clock = Clock::new(Some(zone.parse().unwrap()), labels, order);
        let local = |text: &&str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        let times = times.iter().map(local);
        times
            .map(|local| clock.instant("meter", WrittenTime { local, offset: None }))
            .map(|instant| instant.map(|instant| instant.format("%H:%M").to_string()))
            .collect()
    }

    const SET_BACK: [&str; 5] = [
        "2024-10-27 02:00",
        "2024-10-27 02:30",
        "2024-10-27 02:00",
        "2024-10-27 02:30",
        "2024-10-27 03:00",
    ];
    const IN_UTC: [&str; 5] = ["00:00", "00:30", "01:00", "01:30", "02:00"];

    #[test]
    fn a_repeated_hour_is_read_in_the_order_of_the_lines() {
        let found = instants("Europe/Berlin", Times::Start, Order::OldestFirst, &SET_BACK);
        assert_eq!(found, IN_UTC.map(|time| Ok(time.to_owned())));
    }

    #[test]
    fn a_repeated_hour_of_a_file_with_the_newest_time_first_is_read_backwards() {
        let backwards: Vec<_> = SET_BACK.iter().rev().copied().collect();
        let mut found = instants("Europe/Berlin", Times::Start, Order::NewestFirst, &backwards);
        found.reverse();
        assert_eq!(found, IN_UTC.map(|time| Ok(time.to_owned())));
    }

    #[test]
    fn a_missing_local_time_is_refused_unless_it_is_the_end_of_the_interval_before() {
        let times = ["2024-03-31 01:30", "2024-03-31 02:00", "2024-03-31 02:30"];
        let starts = instants("Europe/Berlin", Times::Start, Order::OldestFirst, &times);
        assert_eq!(starts.iter().filter(|instant| instant.is_ok()).count(), 1);
        let error = starts[1].as_ref().expect_err("a missing time");
        assert!(error.contains("does not exist in Europe/Berlin"), "{error}");
        let ends = instants("Europe/Berlin", Times::End, Order::OldestFirst, &times);
        assert_eq!(ends[1], Ok("01:00".to_owned()));
        assert!(ends[2].is_err());
    }

    #[test]
    fn a_time_without_offset_and_zone_names_the_setting() {
        let mut clock = Clock::new(None, Times::Start, Order::OldestFirst);
        let time = WrittenTime { local: NaiveDateTime::default(), offset: None };
        assert!(clock.instant("meter", time).expect_err("no zone").contains("--tz"));
    }
}
