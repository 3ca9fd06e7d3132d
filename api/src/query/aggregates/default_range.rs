//! From when until when, where the request does not say: never from the first reading on, which a wrong clock may have
//! dated to the year 1.

use std::time::Duration;

use readings::Instant;
use readings::energy::calendar::{Interval, Range, Zone};

use super::parameters::Length;
use crate::parameter::ParameterError;
use crate::query::selection::Moment;

const DAY: i64 = 86_400 * 1_000_000;

/// The moments of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub start: Option<Moment>,
    pub end: Option<Moment>,
}

impl Moments {
    /// The range of buckets: without a start, as many intervals as a chart of this length usually has.
    ///
    /// # Errors
    /// No instant is in the range.
    pub fn of_buckets(self, length: Length, zone: Zone) -> Result<Range, ParameterError> {
        let days = usual_days(length);
        let interval = match length {
            Length::Auto => Interval::QUARTER,
            Length::Of(interval) => interval,
        };
        self.range(|end| interval.beginning(earlier(end, days * DAY), zone))
    }

    /// The range of one answer: without a start, the day of its end.
    ///
    /// # Errors
    /// No instant is in the range.
    pub fn of_day(self, zone: Zone) -> Result<Range, ParameterError> {
        self.range(|end| Interval::DAY.beginning(earlier(end, 1), zone))
    }

    fn range(
        self,
        start: impl FnOnce(Instant) -> Option<Instant>,
    ) -> Result<Range, ParameterError> {
        let end = self.end.unwrap_or(Moment::Ago(Duration::ZERO)).instant();
        let end = end.ok_or_else(outside_of_calendar)?;
        let start = match self.start {
            Some(start) => start.instant(),
            None => start(end),
        };
        let start = start.ok_or_else(outside_of_calendar)?;
        Range::new(start, end).map_err(|reason| ParameterError::value_error(&reason.to_string()))
    }
}

fn outside_of_calendar() -> ParameterError {
    ParameterError::value_error("the range is outside of the calendar")
}

/// Days of a range that begins where the request does not say.
const fn usual_days(length: Length) -> i64 {
    match length {
        Length::Of(Interval::DAY) => 30,
        Length::Of(Interval::WEEK) => 26 * 7,
        Length::Of(Interval::MONTH) => 365,
        Length::Of(Interval::YEAR) => 3_652,
        Length::Auto | Length::Of(_) => 1,
    }
}

const fn earlier(instant: Instant, micros: i64) -> Instant {
    Instant::from_epoch_micros(instant.epoch_micros().saturating_sub(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    #[test]
    fn without_a_start_a_range_begins_with_an_interval_of_its_zone() {
        let zone: Zone = "America/Los_Angeles".parse().unwrap();
        let moments = Moments { start: None, end: Some(at("2016-11-07T10:20:30-08:00")) };
        let start = |length: Length| {
            zone.timestamp(moments.of_buckets(length, zone).unwrap().start()).unwrap()
        };
        assert_eq!(start(Length::Auto), "2016-11-06T10:15:00-08:00");
        assert_eq!(start(Length::Of(Interval::HOUR)), "2016-11-06T10:00:00-08:00");
        assert_eq!(start(Length::Of(Interval::DAY)), "2016-10-08T00:00:00-07:00");
        assert_eq!(start(Length::Of(Interval::WEEK)), "2016-05-09T00:00:00-07:00");
        assert_eq!(start(Length::Of(Interval::MONTH)), "2015-11-01T00:00:00-07:00");
        assert_eq!(start(Length::Of(Interval::YEAR)), "2006-01-01T00:00:00-08:00");
        let day = moments.of_day(zone).unwrap();
        assert_eq!(zone.timestamp(day.start()).unwrap(), "2016-11-07T00:00:00-08:00");
    }

    #[test]
    fn a_day_that_ends_at_midnight_is_the_one_before() {
        let moments = Moments { start: None, end: Some(at("2024-01-16T00:00:00Z")) };
        let day = moments.of_day(Zone::UTC).unwrap();
        assert_eq!(Zone::UTC.timestamp(day.start()).unwrap(), "2024-01-15T00:00:00Z");
    }

    #[test]
    fn without_moments_a_range_ends_now() {
        let moments = Moments { start: None, end: None };
        let range = moments.of_buckets(Length::Auto, Zone::UTC).unwrap();
        assert!((DAY..=DAY + 900_000_000).contains(&range.micros()));
        assert!(range.end() <= Instant::before_now(Duration::ZERO).unwrap());
        assert!(moments.of_day(Zone::UTC).unwrap().micros() <= DAY);
    }

    #[test]
    fn a_range_without_an_instant_or_a_calendar_is_an_error() {
        for (start, end) in [
            ("2024-01-15", "2024-01-15"),
            ("2024-01-16", "2024-01-15"),
            ("now-4000000000w", "2024-01-15"),
            ("2024-01-15", "now-4000000000w"),
        ] {
            let moments = Moments { start: Some(at(start)), end: Some(at(end)) };
            assert!(moments.of_day(Zone::UTC).is_err(), "{start} {end}");
        }
    }
}
