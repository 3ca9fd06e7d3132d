//! Buckets where clocks change, by the dates of the IANA database.

use super::*;
use crate::iso8601;
use crate::iso8601::Instant;

fn at(text: &str) -> Instant {
    iso8601::parse(text).unwrap().instant
}

fn cut(start: &str, end: &str, interval: &str, zone: &str) -> Result<Buckets, BucketError> {
    let range = Range::new(at(start), at(end)).unwrap();
    Buckets::new(range, interval.parse().unwrap(), zone.parse().unwrap())
}

/// The edges as local times.
fn edges(start: &str, end: &str, interval: &str, zone: &str) -> Vec<String> {
    let buckets = cut(start, end, interval, zone).unwrap();
    let zone: Zone = zone.parse().unwrap();
    buckets.edges().iter().map(|edge| zone.timestamp(*edge).unwrap()).collect()
}

/// The lengths of buckets in minutes.
fn minutes(start: &str, end: &str, interval: &str, zone: &str) -> Vec<i64> {
    let buckets = cut(start, end, interval, zone).unwrap();
    let micros = |pair: &[Instant]| pair[1].epoch_micros() - pair[0].epoch_micros();
    buckets.edges().windows(2).map(|pair| micros(pair) / 60_000_000).collect()
}

#[test]
fn days_of_los_angeles_have_25_and_23_hours_where_clocks_change() {
    let autumn =
        ["2016-11-05T00:00:00-07:00", "2016-11-06T00:00:00-07:00", "2016-11-07T00:00:00-08:00"];
    assert_eq!(edges(autumn[0], autumn[2], "1d", "America/Los_Angeles"), autumn);
    assert_eq!(minutes(autumn[0], autumn[2], "1d", "America/Los_Angeles"), [24 * 60, 25 * 60]);
    let spring = ["2017-03-12T00:00:00-08:00", "2017-03-13T00:00:00-07:00"];
    assert_eq!(minutes(spring[0], spring[1], "1d", "America/Los_Angeles"), [23 * 60]);
}

#[test]
fn a_repeated_hour_is_an_hourly_bucket_of_its_own_and_lengthens_one_of_two_hours() {
    let (start, end) = ("2016-11-06T00:00:00-07:00", "2016-11-07T00:00:00-08:00");
    assert_eq!(minutes(start, end, "1h", "America/Los_Angeles"), [60; 25]);
    assert_eq!(minutes(start, end, "15m", "America/Los_Angeles"), [15; 100]);
    let two_hours = minutes(start, end, "2h", "America/Los_Angeles");
    assert_eq!((two_hours.len(), two_hours[0]), (12, 180));
    // Where the repeated hour begins with a multiple of the interval.
    let (start, end) = ("2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00");
    let two_hours = minutes(start, end, "2h", "Europe/Berlin");
    assert_eq!((two_hours.len(), two_hours[1]), (12, 180));
}

#[test]
fn a_missing_hour_has_no_bucket() {
    let (start, end) = ("2017-03-12T00:00:00-08:00", "2017-03-13T00:00:00-07:00");
    assert_eq!(minutes(start, end, "1h", "America/Los_Angeles"), [60; 23]);
    assert_eq!(
        edges(start, "2017-03-12T04:00:00-07:00", "1h", "America/Los_Angeles")[1..3],
        ["2017-03-12T01:00:00-08:00", "2017-03-12T03:00:00-07:00"]
    );
    assert_eq!(minutes(start, end, "6h", "America/Los_Angeles"), [5 * 60, 360, 360, 360]);
}

#[test]
fn lord_howe_changes_its_clock_by_half_an_hour() {
    let (start, end) = ("2024-04-07T00:00:00+11:00", "2024-04-07T04:00:00+10:30");
    assert_eq!(minutes(start, end, "1h", "Australia/Lord_Howe"), [60, 90, 60, 60]);
    assert_eq!(minutes(start, end, "30m", "Australia/Lord_Howe"), [30; 9]);
    let (start, end) = ("2024-10-06T00:00:00+10:30", "2024-10-06T04:00:00+11:00");
    assert_eq!(minutes(start, end, "1h", "Australia/Lord_Howe"), [60, 60, 30, 60]);
    assert_eq!(minutes(start, end, "30m", "Australia/Lord_Howe"), [30; 7]);
}

#[test]
fn hours_and_days_begin_by_the_local_clock_where_offsets_have_quarters_or_seconds() {
    let hours = edges("2024-01-01T00:00:00Z", "2024-01-01T02:00:00Z", "1h", "Asia/Kathmandu");
    assert_eq!(hours[1..3], ["2024-01-01T06:00:00+05:45", "2024-01-01T07:00:00+05:45"]);
    // Liberia was 44 minutes and 30 seconds behind until 1972, which RFC 3339 cannot write.
    let days = edges("1971-05-01T12:00:00Z", "1971-05-03T12:00:00Z", "1d", "Africa/Monrovia");
    assert_eq!(days[1..3], ["1971-05-02T00:44:30Z", "1971-05-03T00:44:30Z"]);
}

#[test]
fn a_day_without_midnight_begins_where_the_gap_ends() {
    let days =
        edges("2018-11-03T00:00:00-03:00", "2018-11-05T00:00:00-02:00", "1d", "America/Sao_Paulo");
    assert_eq!(days[1], "2018-11-04T01:00:00-02:00");
    let days = edges("2022-03-26T00:00:00+02:00", "2022-03-28T00:00:00+03:00", "1d", "Asia/Beirut");
    assert_eq!(days[1], "2022-03-27T01:00:00+03:00");
}

#[test]
fn a_day_with_two_midnights_begins_at_the_first() {
    // From 00:01 back to 23:01.
    let (start, end) = ("2006-10-28T00:00:00-02:30", "2006-10-30T00:00:00-03:30");
    assert_eq!(minutes(start, end, "1d", "America/St_Johns"), [24 * 60, 25 * 60]);
}

#[test]
fn a_skipped_day_has_no_bucket() {
    let (start, end) = ("2011-12-29T00:00:00-10:00", "2012-01-01T00:00:00+14:00");
    let days = edges(start, end, "1d", "Pacific/Apia");
    assert_eq!(days[1..], ["2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"]);
    assert_eq!(minutes(start, end, "1d", "Pacific/Apia"), [24 * 60; 2]);
}

#[test]
fn weeks_begin_on_monday_and_months_and_years_on_their_first_day() {
    let (start, end) = ("2024-02-15T12:00:00+01:00", "2024-04-20T00:00:00+02:00");
    let weeks = edges(start, end, "1w", "Europe/Berlin");
    assert_eq!(weeks[1], "2024-02-19T00:00:00+01:00");
    assert_eq!(weeks[weeks.len() - 2], "2024-04-15T00:00:00+02:00");
    let months = edges(start, end, "1mo", "Europe/Berlin");
    assert_eq!(months[1..3], ["2024-03-01T00:00:00+01:00", "2024-04-01T00:00:00+02:00"]);
    let years = edges("2023-05-01T00:00:00Z", "2025-02-01T00:00:00Z", "1y", "Europe/Berlin");
    assert_eq!(years[1..3], ["2024-01-01T00:00:00+01:00", "2025-01-01T00:00:00+01:00"]);
}

#[test]
fn the_first_and_the_last_bucket_are_cut_by_the_range() {
    let (start, end) = ("2024-01-15T10:20:30.5Z", "2024-01-15T12:10:00Z");
    assert_eq!(
        edges(start, end, "1h", "UTC"),
        [
            "2024-01-15T10:20:30.500Z",
            "2024-01-15T11:00:00Z",
            "2024-01-15T12:00:00Z",
            "2024-01-15T12:10:00Z"
        ]
    );
    let range = Range::new(at(start), at(end)).unwrap();
    assert_eq!(Buckets::whole(range).edges(), [at(start), at(end)]);
    assert_eq!(Range::new(at(end), at(start)), Err(EmptyRange));
    assert_eq!(Range::new(at(end), at(end)), Err(EmptyRange));
}

#[test]
fn too_many_buckets_are_an_error_that_names_an_interval_that_fits() {
    let (start, end) = ("2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
    let error = cut(start, end, "1m", "UTC").unwrap_err().to_string();
    assert!(error.contains("interval=1m gives more than 20000"), "{error}");
    assert!(error.contains("send interval=30m"), "{error}");
    // Exactly as many as are allowed, and one more.
    let days = |minutes: i64| {
        let start = at(start);
        let end = Instant::from_epoch_micros(start.epoch_micros() + minutes * 60_000_000);
        Buckets::new(Range::new(start, end).unwrap(), Interval::MINUTE, Zone::UTC)
    };
    assert_eq!(days(20_000).unwrap().count(), MAX_BUCKETS);
    assert!(days(20_001).is_err());
    // All years that a timestamp can have.
    let error = cut("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1mo", "Europe/Paris");
    assert_eq!(
        error,
        Err(BucketError::TooMany { interval: Interval::MONTH, fits: Interval::YEAR })
    );
    let years = cut("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1y", "Asia/Tokyo");
    assert_eq!(years.unwrap().count(), 10_001);
}

#[test]
fn the_shortest_interval_that_gives_few_enough_buckets_is_found() {
    let found = |start: &str, end: &str, points: usize| {
        let range = Range::new(at(start), at(end)).unwrap();
        let (interval, buckets) = Buckets::at_most(points, range, Zone::UTC).unwrap();
        (interval.to_string(), buckets.count())
    };
    let day = ("2024-01-15T00:00:00Z", "2024-01-16T00:00:00Z");
    for (points, expected) in [
        (2_000, ("1m", 1_440)),
        (1_440, ("1m", 1_440)),
        (1_439, ("5m", 288)),
        (24, ("1h", 24)),
        (23, ("2h", 12)),
        (1, ("1d", 1)),
    ] {
        assert_eq!(found(day.0, day.1, points), (expected.0.to_owned(), expected.1), "{points}");
    }
    let year = ("2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
    assert_eq!(found(year.0, year.1, 2_000), ("6h".to_owned(), 1_460));
    // No interval gives so few: years it is.
    let all = found("0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", 100);
    assert_eq!(all, ("1y".to_owned(), 9_999));
}

#[test]
fn an_interval_begins_where_the_clock_of_its_zone_begins_it() {
    let zone: Zone = "America/Los_Angeles".parse().unwrap();
    let beginning = |interval: &str, instant: &str| {
        let interval: Interval = interval.parse().unwrap();
        zone.timestamp(interval.beginning(at(instant), zone).unwrap()).unwrap()
    };
    for (interval, expected) in [
        ("5m", "2016-11-06T12:35:00-08:00"),
        ("1h", "2016-11-06T12:00:00-08:00"),
        ("1d", "2016-11-06T00:00:00-07:00"),
        ("1w", "2016-10-31T00:00:00-07:00"),
        ("1mo", "2016-11-01T00:00:00-07:00"),
        ("1y", "2016-01-01T00:00:00-08:00"),
    ] {
        assert_eq!(beginning(interval, "2016-11-06T12:37:30-08:00"), expected, "{interval}");
        assert_eq!(beginning(interval, expected), expected, "of its own first instant");
    }
}

#[test]
fn bounds_that_no_calendar_has_are_an_error() {
    let range = Range::new(Instant::from_epoch_micros(i64::MIN), at("2024-01-01")).unwrap();
    let found = Buckets::new(range, Interval::YEAR, Zone::UTC);
    assert_eq!(found, Err(BucketError::OutsideOfCalendar));
}

#[test]
fn an_interval_is_one_of_a_list_and_a_zone_one_of_the_database() {
    for interval in Interval::ALL {
        assert_eq!(interval.to_string().parse(), Ok(interval));
    }
    assert!(Interval::ALL.is_sorted_by_key(|interval| interval.nominal_seconds()));
    assert!(Interval::ALL.is_sorted());
    for text in ["", "1", "m", "0m", "7m", "60m", "5h", "24h", "2d", "1M", "1 h", "-1h", "1mo "] {
        assert_eq!(text.parse::<Interval>(), Err(IntervalError), "{text}");
    }
    assert_eq!("Europe/Berlin".parse::<Zone>().unwrap().to_string(), "Europe/Berlin");
    for name in ["", "europe/berlin", "+01:00", "Mars/Base", "Europe/Berlin\0", "../etc"] {
        assert_eq!(name.parse::<Zone>(), Err(UnknownZone), "{name}");
    }
}
