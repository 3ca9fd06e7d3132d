use chrono::{NaiveDateTime, TimeDelta};
use proptest::prelude::*;

use super::*;

fn micros(text: &str) -> i64 {
    parse(text).unwrap().instant.epoch_micros()
}

/// Any moment of the years 1 to 9999, to the microsecond.
fn any_moment() -> impl Strategy<Value = NaiveDateTime> {
    let first = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
    (0..3_652_059_i64, 0..MICROS_PER_DAY).prop_map(move |(days, micros)| {
        first.and_time(NaiveTime::MIN) + TimeDelta::days(days) + TimeDelta::microseconds(micros)
    })
}

/// A date as `strftime` writes it.
fn any_date_form() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["%Y-%m-%d", "%Y%m%d", "%G-W%V-%u", "%GW%V%u"])
}

/// Any character but those that would make another text of it: `Z` is replaced before reading, a
/// digit may be taken for a weekday or a number, `-` for the dash before a weekday.
fn any_separator() -> impl Strategy<Value = char> {
    let rare = any::<char>().prop_filter("makes another text", |separator| {
        !separator.is_ascii_digit() && !matches!(separator, 'Z' | '-')
    });
    prop_oneof![Just('T'), Just(' '), rare]
}

/// A clock as `strftime` writes it, and the microseconds of the last place that it shows.
fn any_clock_form() -> impl Strategy<Value = (&'static str, i64)> {
    prop::sample::select(&[
        ("%H:%M:%S.%6f", 1),
        ("%H:%M:%S,%6f", 1),
        ("%H:%M:%S.%6f999", 1),
        ("%H:%M:%S.%3f", 1_000),
        ("%H%M%S.%6f", 1),
        ("%H%M%S,%3f", 1_000),
        ("%H:%M:%S", MICROS_PER_SECOND),
        ("%H%M%S", MICROS_PER_SECOND),
        ("%H:%M", 60 * MICROS_PER_SECOND),
        ("%H%M", 60 * MICROS_PER_SECOND),
        ("%H", 3_600 * MICROS_PER_SECOND),
    ])
}

/// How an offset is written, and how many microseconds it is ahead of UTC.
fn any_offset() -> impl Strategy<Value = (String, i64)> {
    let written = (any::<bool>(), 0..MICROS_PER_DAY, any_clock_form());
    let written = written.prop_map(|(is_west, micros, (form, shown))| {
        let ahead = micros - micros % shown;
        let ahead = if ahead < MICROS_PER_SECOND { 0 } else { ahead };
        let clock = NaiveTime::MIN + TimeDelta::microseconds(ahead);
        let (sign, ahead) = if is_west { ('-', -ahead) } else { ('+', ahead) };
        (format!("{sign}{}", clock.format(form)), ahead)
    });
    prop_oneof![Just((String::new(), 0)), Just(("Z".to_owned(), 0)), written]
}

proptest! {
    #[test]
    fn a_moment_in_any_accepted_spelling_is_read_as_its_instant(
        moment in any_moment(),
        date in any_date_form(),
        separator in any_separator(),
        (clock, shown) in any_clock_form(),
        (offset, ahead) in any_offset(),
    ) {
        // An ISO week may belong to a year that four digits do not hold.
        prop_assume!((1..=9999).contains(&moment.iso_week().year()));
        let text = format!("{}{separator}{}{offset}", moment.format(date), moment.format(clock));
        let local = moment.and_utc().timestamp_micros();
        let expected = ParsedTimestamp {
            instant: Instant(local - local.rem_euclid(shown) - ahead),
            has_offset: !offset.is_empty(),
        };
        prop_assert_eq!(parse(&text), Ok(expected), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), near in "[0-9Z:.,+W\0é-]{4,30}") {
        let _ = parse(&text);
        let _ = parse(&near);
        let _ = parse(&format!("2024-01-15T{near}"));
    }

    #[test]
    fn texts_of_one_form_and_offset_sort_as_their_instants(
        one in any_moment(),
        other in any_moment(),
        (offset, _) in any_offset(),
    ) {
        let text = |moment: NaiveDateTime| format!("{}{offset}", moment.format("%FT%T%.6f"));
        let (one, other) = (text(one), text(other));
        let instant = |text: &str| parse(text).unwrap().instant;
        prop_assert_eq!(one.cmp(&other), instant(&one).cmp(&instant(&other)));
    }

    #[test]
    fn a_score_is_the_double_nearest_to_the_instant(
        micros in prop_oneof![any::<i64>(), -10_000_000..10_000_000_i64],
    ) {
        // Rust reads a decimal number correctly rounded, so the written seconds are the oracle.
        let sign = if micros < 0 { "-" } else { "" };
        let size = micros.unsigned_abs();
        let exact: f64 = format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000).parse().unwrap();
        prop_assert_eq!(Instant(micros).epoch_seconds().to_bits(), exact.to_bits());
    }
}

#[test]
fn a_fault_tells_the_sender_what_to_do() {
    let faults = [
        ("2024-01-15T24:00:00Z", TimestampError::EndOfDay),
        ("2024-01-15T24", TimestampError::EndOfDay),
        ("2024-01-15T24:00:01Z", TimestampError::NoSuchTime),
        ("2024-01-15T10:60:00Z", TimestampError::NoSuchTime),
        ("2024-01-15T23:59:60Z", TimestampError::LeapSecond),
        ("2024-01-15T23:59:61Z", TimestampError::NoSuchTime),
        ("2024-01-15T10:30:00z", TimestampError::LowerCaseZ),
        ("jazz", TimestampError::NotIso8601),
        (" 2024-01-15T10:30:00Z", TimestampError::SurroundingSpace),
        ("2024-01-15T10:30:00Z\n", TimestampError::SurroundingSpace),
        ("2024-02-30T00:00:00Z", TimestampError::NoSuchDay),
        ("0000-01-01", TimestampError::NoSuchDay),
        ("2024-W54-1", TimestampError::NoSuchDay),
        ("9999-W52-6", TimestampError::NoSuchDay),
        ("20241399", TimestampError::NoSuchDay),
        ("2024-01-15T10:30:00+25:00", TimestampError::OffsetOutOfRange),
        ("2024-01-15T10:30:00-24:00", TimestampError::OffsetOutOfRange),
        ("1705314600", TimestampError::EpochNumber),
        ("1705314600.25", TimestampError::EpochNumber),
        ("-1705314600000", TimestampError::EpochNumber),
        ("", TimestampError::NotIso8601),
        ("not-a-timestamp", TimestampError::NotIso8601),
        ("2024-01-15T10:30:00[Europe/Paris]", TimestampError::NotIso8601),
        ("Mon, 15 Jan 2024 10:30:00 GMT", TimestampError::NotIso8601),
    ];
    for (text, fault) in faults {
        assert_eq!(parse(text), Err(fault), "{text:?}");
    }
    let said = TimestampError::EndOfDay.to_string();
    assert_eq!(said, "24:00 is not accepted, send 00:00 of the next day");
}

#[test]
fn a_number_is_no_timestamp_even_where_python_takes_it_for_one() {
    // Python: 1712-12-10T23:45, the digit between date and time being the separator.
    assert_eq!(parse("1712121012345"), Err(TimestampError::EpochNumber));
    // Eight digits are the basic form of a date, with and without a time after a point.
    assert_eq!(micros("20240115"), 1_705_276_800 * MICROS_PER_SECOND);
    assert_eq!(micros("20240115.1030"), 1_705_314_600 * MICROS_PER_SECOND);
}

#[test]
fn a_fraction_is_cut_off_after_microseconds_also_before_the_epoch() {
    assert_eq!(micros("1970-01-01T00:00:00.0000019Z"), 1);
    assert_eq!(micros("1969-12-31T23:59:59.9999999Z"), -1);
}

#[test]
fn instants_may_lie_outside_the_years_that_texts_can_name() {
    let first = micros("0001-01-01T00:00:00Z");
    assert_eq!(micros("0001-01-01T00:00:00+00:01") - first, -60 * MICROS_PER_SECOND);
}

#[test]
fn an_age_reaches_back_beyond_the_epoch_and_one_out_of_range_names_no_instant() {
    let year = Duration::from_hours(24 * 365);
    let [last_year, century] = [1, 100].map(|years| Instant::before_now(year * years).unwrap());
    assert!(century.epoch_micros() < 0 && last_year.epoch_micros() > 0);
    let between = i64::try_from((year * 99).as_micros()).unwrap();
    assert!((last_year.epoch_micros() - century.epoch_micros()).abs_diff(between) < 60_000_000);
    assert_eq!(Instant::before_now(Duration::MAX), None);
}
