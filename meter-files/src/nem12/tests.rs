use chrono::TimeDelta;

use super::*;
use crate::value::{Quantity, Value};

const HEADER: &str = "100,NEM12,202404010000,MDP1,RETAILER\n";

fn rows(text: &str) -> Vec<Row> {
    let mut reader = Nem12::new(text.as_bytes(), None).unwrap();
    std::iter::from_fn(|| reader.next_row().unwrap()).collect()
}

fn stream(suffix: &str, unit: &str, minutes: u32) -> String {
    format!("{HEADER}200,NMI1,E1B1,{suffix},{suffix},,METER01,{unit},{minutes},\n")
}

fn day(date: &str, value: &str, intervals: usize, quality: &str) -> String {
    format!("300,{date},{}{quality},,,20240402021500,\n", format!("{value},").repeat(intervals))
}

fn values(row: &Row) -> (&[Value], u64) {
    match &row.content {
        Content::Values { values, missing } => (values, *missing),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_day_begins_at_midnight_of_market_time_and_has_a_value_for_each_interval() {
    for (minutes, count) in [(5, 288), (15, 96), (30, 48)] {
        let found =
            rows(&(stream("E1", "KWH", minutes) + &day("20240331", "0.5", count, "A") + "900\n"));
        let (values, missing) = values(&found[0]);
        assert_eq!((values.len(), missing, found.len(), found[0].line), (count, 0, 1, 3));
        assert_eq!(values[0].start.to_rfc3339(), "2024-03-30T14:00:00+00:00");
        assert_eq!(values[1].start - values[0].start, TimeDelta::minutes(minutes.into()));
        assert_eq!(values[0].quantity, Quantity::WattHours(500.0));
        assert_eq!(values[0].device.as_deref(), Some("NMI1"));
    }
}

#[test]
fn what_a_meter_feeds_in_is_another_channel_than_what_it_takes() {
    for (suffix, channel) in [("E1", ""), ("B1", "-export"), ("E2", "-e2")] {
        let found = rows(&(stream(suffix, "WH", 30) + &day("20240331", "250", 48, "A")));
        let value = &values(&found[0]).0[0];
        assert_eq!((value.channel.as_str(), value.quantity), (channel, Quantity::WattHours(250.0)));
    }
}

#[test]
fn reactive_energy_is_ignored() {
    let found = rows(&(stream("Q1", "KVARH", 30) + &day("20240331", "1", 48, "A")));
    assert_eq!(found[0].content, Content::Ignored);
}

#[test]
fn null_data_is_missing_and_not_zero() {
    let whole = rows(&(stream("E1", "KWH", 30) + &day("20240331", "0", 48, "N")));
    assert_eq!(values(&whole[0]), (&[][..], 48));
    let text = stream("E1", "KWH", 30)
        + &day("20240331", "1", 48, "V")
        + "400,1,20,A,,\n400,21,30,N,,\n400,31,48,S14,,\n"
        + &day("20240401", "1", 48, "A");
    let found = rows(&text);
    let counts = found.iter().map(|row| (values(row).0.len(), values(row).1, row.line));
    assert_eq!(counts.collect::<Vec<_>>(), [(38, 10, 3), (48, 0, 7)]);
}

#[test]
fn a_wrong_record_is_rejected_with_its_line_and_the_next_one_is_read() {
    let cases = [
        ("300,2024-03-31,1\n".to_owned(), "IntervalDate"),
        (day("20240331", "1", 47, "A"), "IntervalValue"),
        (day("20240331", "x", 48, "A"), "IntervalValue"),
        ("600,1\n".to_owned(), "record"),
    ];
    for (record, field) in cases {
        let found = rows(&(stream("E1", "KWH", 30) + &record + &day("20240401", "1", 48, "A")));
        let Content::Invalid(error) = &found[0].content else { panic!("{found:?}") };
        assert_eq!((error.field.as_str(), found[0].line), (field, 3));
        assert_eq!((values(&found[1]).0.len(), found[1].line), (48, 4));
    }
    let orphan = rows(&day("20240331", "1", 48, "A"));
    assert!(
        matches!(&orphan[0].content, Content::Invalid(error) if error.reason.contains("200 record"))
    );
}
