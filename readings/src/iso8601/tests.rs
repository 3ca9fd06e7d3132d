use super::*;

fn micros(text: &str) -> i64 {
    parse(text).unwrap().instant.epoch_micros()
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
