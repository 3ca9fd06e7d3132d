//! Properties of buckets in every zone, above all where clocks change.

use chrono::{Datelike, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use proptest::prelude::*;

use super::*;
use crate::iso8601::{self, Instant};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

fn any_zone() -> impl Strategy<Value = Zone> {
    prop::sample::select(Zone::all().collect::<Vec<_>>())
}

/// An instant of the years 1840 to 2090 or any, most often within three days before a change of the clock.
fn any_start() -> impl Strategy<Value = (Zone, Instant)> {
    let micros = prop_oneof![
        9 => -130 * 366 * DAY..120 * 365 * DAY,
        1 => -1_900 * 365 * DAY..8_000 * 365 * DAY,
    ];
    (any_zone(), micros, 0..3 * DAY, any::<bool>()).prop_map(|(zone, micros, before, whole)| {
        let offset = |micros: i64| zone.offset(Instant::from_epoch_micros(micros));
        let mut days = (0..400).map(|day| micros + day * DAY);
        let change = days.find(|micros| offset(*micros) != offset(micros + DAY));
        let start = change.map_or(micros, |change| change + DAY - before);
        (zone, Instant::from_epoch_micros(if whole { start - start % HOUR } else { start }))
    })
}

fn later(instant: Instant, micros: i64) -> Instant {
    Instant::from_epoch_micros(instant.epoch_micros() + micros)
}

fn local_micros(zone: Zone, instant: Instant) -> i64 {
    zone.local(instant).unwrap().and_utc().timestamp_micros()
}

/// The local time at which a reference interval of more than an hour begins.
fn label(interval: Interval, local: NaiveDateTime) -> NaiveDateTime {
    let date = local.date();
    let date = match interval {
        Interval::WEEK => date - TimeDelta::days(date.weekday().num_days_from_monday().into()),
        Interval::MONTH => date.with_day(1).unwrap(),
        Interval::YEAR => date.with_ordinal(1).unwrap(),
        _ => date,
    };
    let hours = interval.nominal_seconds() / 3_600;
    let hour = if hours < 24 { i64::from(local.hour()) / hours * hours } else { 0 };
    date.and_time(NaiveTime::MIN) + TimeDelta::hours(hour)
}

/// Whether a bucket of up to an hour begins at a whole second: a multiple of the interval is reached, or
/// jumped over.
fn begins_short(zone: Zone, interval: Interval, at: Instant) -> bool {
    let micros = interval.nominal_seconds() * SECOND;
    let (before, now) = (local_micros(zone, later(at, -SECOND)), local_micros(zone, at));
    let is_multiple = now.rem_euclid(micros) == 0;
    let is_jump = now - before > SECOND;
    is_multiple || (is_jump && now.div_euclid(micros) > before.div_euclid(micros))
}

proptest! {
    #[test]
    fn edges_ascend_from_the_start_of_a_range_to_its_end(
        (zone, start) in any_start(), micros in 1..40 * DAY,
        interval in prop::sample::select(&Interval::ALL),
    ) {
        let range = Range::new(start, later(start, micros)).unwrap();
        match Buckets::new(range, interval, zone) {
            Ok(buckets) => {
                let edges = buckets.edges();
                prop_assert!(edges.is_sorted_by(|one, next| one < next));
                prop_assert_eq!((edges.first(), edges.last()), (Some(&start), Some(&range.end())));
                prop_assert!(buckets.count() <= MAX_BUCKETS);
            }
            Err(BucketError::TooMany { fits, .. }) => {
                prop_assert!(Buckets::new(range, fits, zone).is_ok());
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn an_interval_of_up_to_an_hour_begins_at_each_occurrence_of_its_multiples(
        (zone, start) in any_start(), offsets in prop::collection::vec(1..5 * DAY, 64),
        interval in prop::sample::select(&Interval::ALL[..6]),
    ) {
        let range = Range::new(start, later(start, 5 * DAY)).unwrap();
        let buckets = Buckets::new(range, interval, zone).unwrap();
        let (_, inner) = buckets.edges().split_first().unwrap();
        let (_, inner) = inner.split_last().unwrap();
        for edge in inner {
            prop_assert_eq!(edge.epoch_micros().rem_euclid(SECOND), 0);
            prop_assert!(begins_short(zone, interval, *edge), "{:?} in {}", edge, zone);
        }
        let sampled = offsets.iter().map(|offset| later(start, *offset));
        let near = inner.iter().flat_map(|edge| [-SECOND, SECOND].map(|by| later(*edge, by)));
        for at in sampled.chain(near).filter(|at| start < *at && *at < range.end()) {
            let at = later(at, -at.epoch_micros().rem_euclid(SECOND));
            if at > start && inner.binary_search(&at).is_err() {
                prop_assert!(!begins_short(zone, interval, at), "{:?} in {}", at, zone);
            }
        }
    }

    #[test]
    fn a_longer_interval_begins_when_its_local_time_is_first_reached(
        (zone, start) in any_start(), interval in prop::sample::select(&Interval::ALL[6..]),
    ) {
        let range = Range::new(start, later(start, 4 * DAY)).unwrap();
        let buckets = Buckets::new(range, interval, zone).unwrap();
        // From a day before, in steps of minutes: the latest beginning that the clock has shown.
        let from = later(start, -2 * DAY - start.epoch_micros().rem_euclid(60 * SECOND));
        let label_at = |at: Instant| label(interval, zone.local(at).unwrap());
        let mut latest = label_at(from);
        let mut expected = Vec::new();
        for minute in 1..=6 * 24 * 60 + 1 {
            let at = later(from, minute * 60 * SECOND);
            if label_at(at) > latest {
                let mut seconds = (0..60).map(|second| later(at, (second - 59) * SECOND));
                let first = seconds.find(|at| label_at(*at) > latest).unwrap();
                latest = label_at(at);
                expected.push(first);
            }
        }
        expected.retain(|at| start < *at && *at < range.end());
        let inner = &buckets.edges()[1..buckets.count()];
        prop_assert_eq!(inner, expected, "{} in {}", interval, zone);
    }

    #[test]
    fn the_text_of_an_instant_in_any_zone_is_read_back(
        (zone, start) in any_start(), micros in -62_135_596_800 * SECOND..253_402_300_799 * SECOND,
    ) {
        for instant in [start, Instant::from_epoch_micros(micros)] {
            let text = zone.timestamp(instant).unwrap();
            prop_assert_eq!(iso8601::parse(&text).map(|parsed| parsed.instant), Ok(instant), "{}", text);
        }
    }

    #[test]
    fn no_text_is_an_interval_or_a_zone_but_its_own(text in "[0-9a-zA-Z/+_-]{0,12}", any in any::<String>()) {
        for text in [text, any] {
            if let Ok(interval) = text.parse::<Interval>() {
                prop_assert_eq!(interval.to_string(), text.as_str());
            }
            if let Ok(zone) = text.parse::<Zone>() {
                prop_assert_eq!(zone.to_string(), text);
            }
        }
    }
}
