//! Rollups, by example.

use super::*;
use crate::energy::calendar::{Buckets, Interval, Range, Zone};
use crate::energy::integration::{Aggregation, Integration, MaxGap, Rules, Sample};
use crate::iso8601::{self, Instant};

fn at(text: &str) -> Instant {
    iso8601::parse(text).unwrap().instant
}

fn day() -> Day {
    Day::of(at("2024-01-15"))
}

/// One device that sends once a minute.
fn minutely(watts: impl Fn(i64) -> f64) -> DayRollup {
    let mut builder = DayBuilder::new(day());
    for minute in 0..1_440 {
        let instant =
            Instant::from_epoch_micros(day().start().epoch_micros() + minute * 60_000_000);
        builder.push("main-meter", Sample { instant, watts: watts(minute) }).unwrap();
    }
    builder.finish(1_440)
}

fn aggregation(start: &str, end: &str, interval: &str, zone: &str) -> Aggregation {
    let range = Range::new(at(start), at(end)).unwrap();
    let buckets = Buckets::new(range, interval.parse().unwrap(), zone.parse().unwrap()).unwrap();
    Aggregation { buckets, rules: Rules::STEP }
}

fn rollups(from: &str, until: &str) -> Part {
    Part::Rollups(Range::new(at(from), at(until)).unwrap())
}

fn members(from: &str, until: &str) -> Part {
    Part::Members(Range::new(at(from), at(until)).unwrap())
}

#[test]
fn a_day_by_minutes_has_96_summaries_in_about_3_kb() {
    // Members of a day have 1,440 times 288 bytes in Redis.
    let members = 1_440 * 288;
    let metered = minutely(|minute| 400.0 + f64::from((minute * 7_919 % 3_000) as i32) / 8.0);
    assert_eq!(metered.devices["main-meter"].len(), 96);
    let bytes = encode(&metered).unwrap();
    assert!(bytes.len() < 3_200, "{}", bytes.len());
    let finer = minutely(|minute| f64::from((minute % 1_237) as i32) * std::f64::consts::PI);
    let bytes = encode(&finer).unwrap();
    assert!(bytes.len() * 100 < 2 * members, "{}", bytes.len());
}

#[test]
fn a_summary_has_what_its_readings_have() {
    let rollup = minutely(|minute| if minute == 20 { -600.0 } else { 60.0 });
    let summary = rollup.devices["main-meter"][1];
    assert_eq!((summary.count, summary.repeats), (15, 0));
    assert_eq!(summary.first.instant, at("2024-01-15T00:15:00Z"));
    assert_eq!(summary.last.instant, at("2024-01-15T00:29:00Z"));
    assert_eq!((summary.min.instant, summary.min.watts), (at("2024-01-15T00:20:00Z"), -600.0));
    assert_eq!((summary.max.instant, summary.max.watts), (at("2024-01-15T00:15:00Z"), 60.0));
    assert_eq!(summary.covered_micros, 14 * 60_000_000);
    // Of 14 minutes the last one holds no longer.
    let rounded = |kwh: Option<f64>| kwh.map(|kwh| (kwh * 1e9).round() / 1e9);
    let found = (summary.energy.import_kwh(), summary.energy.export_kwh());
    assert_eq!((rounded(found.0), rounded(found.1)), (Some(0.013), Some(0.01)));
}

#[test]
fn a_reading_of_another_day_makes_no_rollup() {
    let mut builder = DayBuilder::new(day());
    let outside = ["2024-01-14T23:59:59.999999Z", "2024-01-16T00:00:00Z"];
    for text in outside {
        assert_eq!(builder.push("m", Sample { instant: at(text), watts: 1.0 }), Err(OutsideOfDay));
    }
    assert!(builder.finish(0).devices.is_empty());
}

#[test]
fn bytes_of_another_version_or_day_are_an_error() {
    let rollup = minutely(|_| 1.0);
    let bytes = encode(&rollup).unwrap();
    assert_eq!(decode(&bytes, day()), Ok(rollup));
    assert_eq!(decode(&bytes, day().next()), Err(DecodeError::Invalid("day")));
    assert_eq!(decode(&[&[9], &bytes[1..]].concat(), day()), Err(DecodeError::Version(9)));
    assert_eq!(decode(&[], day()), Err(DecodeError::CutOff));
    assert_eq!(decode(b"1234", day()), Err(DecodeError::CutOff));
    assert_eq!(decode(&bytes[..bytes.len() - 1], day()), Err(DecodeError::Checksum));
}

#[test]
fn more_readings_than_members_are_an_error() {
    let rollup = DayRollup { signature: 1_439, ..minutely(|_| 1.0) };
    let bytes = encode(&rollup).unwrap();
    assert_eq!(decode(&bytes, day()), Err(DecodeError::Invalid("signature")));
}

#[test]
fn a_range_on_quarters_comes_from_rollups_alone() {
    let asked =
        aggregation("2024-01-15T08:00:00Z", "2024-01-17T08:00:00Z", "1d", "America/Los_Angeles");
    assert_eq!(plan(&asked), [rollups("2024-01-15T06:00:00Z", "2024-01-17T10:15:00Z")]);
}

#[test]
fn quarters_in_which_a_range_begins_or_ends_come_from_members() {
    let asked = aggregation("2024-01-15T08:07:00Z", "2024-01-15T12:01:00Z", "1h", "UTC");
    assert_eq!(
        plan(&asked),
        [
            rollups("2024-01-15T06:00:00Z", "2024-01-15T08:00:00Z"),
            members("2024-01-15T08:00:00Z", "2024-01-15T08:15:00Z"),
            rollups("2024-01-15T08:15:00Z", "2024-01-15T12:00:00Z"),
            members("2024-01-15T12:00:00Z", "2024-01-15T12:15:00Z"),
            rollups("2024-01-15T12:15:00Z", "2024-01-15T14:15:00Z"),
        ]
    );
    let asked = aggregation("2024-01-15T08:07:00Z", "2024-01-15T08:08:00Z", "1h", "UTC");
    assert_eq!(plan(&asked)[1..2], [members("2024-01-15T08:00:00Z", "2024-01-15T08:15:00Z")]);
    assert_eq!(plan(&asked).len(), 3);
}

#[test]
fn what_rollups_do_not_have_comes_from_members() {
    let day = ("2024-01-15T00:00:00Z", "2024-01-16T00:00:00Z");
    let all = [members("2024-01-14T22:00:00Z", "2024-01-16T02:00:00Z")];
    assert_eq!(plan(&aggregation(day.0, day.1, "5m", "UTC")), all);
    // Hours that begin 44 minutes and 30 seconds after those of UTC.
    let asked =
        aggregation("1971-01-15T00:00:00Z", "1971-01-16T00:00:00Z", "1h", "Africa/Monrovia");
    assert!(matches!(plan(&asked)[..], [Part::Members(_)]));
    let mut asked = aggregation(day.0, day.1, "1h", "UTC");
    asked.rules.integration = Integration::Trapezoid;
    assert_eq!(plan(&asked), all);
    let mut asked = aggregation(day.0, day.1, "1h", "UTC");
    asked.rules.max_gap = MaxGap::from_seconds(899).unwrap();
    assert!(matches!(plan(&asked)[..], [Part::Members(_)]));
    asked.rules.max_gap = MaxGap::from_seconds(900).unwrap();
    assert!(matches!(plan(&asked)[..], [Part::Rollups(_)]));
}

#[test]
fn a_day_has_its_date_and_its_neighbours() {
    assert_eq!(day().to_string(), "2024-01-15");
    assert_eq!(day().next().start(), day().range().end());
    assert_eq!(Day::of(at("1969-12-31T23:59:59.999999Z")).number(), -1);
    assert_eq!(Day::from_number(i32::MAX).next().number(), i32::MAX);
    assert!(!Day::from_number(i32::MAX).to_string().is_empty());
    assert_eq!(Interval::DAY.nominal_seconds(), 86_400);
    assert_eq!(Zone::UTC.to_string(), "UTC");
}
