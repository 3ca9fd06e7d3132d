//! Properties of timestamps; chrono is the oracle of RFC 3339.

use chrono::{DateTime, FixedOffset, NaiveDateTime, SecondsFormat, TimeDelta};
use proptest::prelude::*;

use super::*;

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

    #[test]
    fn an_rfc_3339_timestamp_means_the_same_instant_as_in_chrono(
        moment in any_moment(),
        nanos in 0..1_000_i64,
        minutes_ahead in -1_439..=1_439_i32,
        digits in prop::sample::select(&[
            SecondsFormat::Secs, SecondsFormat::Millis, SecondsFormat::Micros, SecondsFormat::Nanos,
        ]),
        use_z in any::<bool>(),
    ) {
        let offset = FixedOffset::east_opt(minutes_ahead * 60).unwrap();
        let moment = (moment + TimeDelta::nanoseconds(nanos)).and_local_timezone(offset).unwrap();
        let text = moment.to_rfc3339_opts(digits, use_z);
        let chronos = DateTime::parse_from_rfc3339(&text).unwrap().timestamp_micros();
        let ours = parse(&text).map(|parsed| (parsed.instant.epoch_micros(), parsed.has_offset));
        prop_assert_eq!(ours, Ok((chronos, true)), "{}", text);
    }

    #[test]
    fn a_text_near_rfc_3339_is_rejected_by_its_rule_or_means_what_chrono_reads(
        text in near_rfc_3339(),
    ) {
        let chronos = DateTime::parse_from_rfc3339(&text).map(|moment| moment.timestamp_micros());
        match (parse(&text), chronos) {
            (Ok(ours), Ok(chronos)) => {
                prop_assert_eq!(ours.instant.epoch_micros(), chronos, "{}", text);
            }
            (Err(rule), Ok(_)) => {
                let expected = match text.as_bytes() {
                    [b'0', b'0', b'0', b'0', ..] => TimestampError::NoSuchDay,
                    // Two rules are broken, and no single change makes it a timestamp.
                    [.., b'z'] if text.get(17..19) == Some("60") => TimestampError::NotIso8601,
                    _ if text.get(17..19) == Some("60") => TimestampError::LeapSecond,
                    _ => TimestampError::LowerCaseZ,
                };
                prop_assert_eq!(rule, expected, "{}", text);
            }
            (_, Err(_)) => {}
        }
    }
}

/// Texts with the shape of RFC 3339, whose numbers may be out of range.
fn near_rfc_3339() -> impl Strategy<Value = String> {
    "(0000|[0-9]{4})-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:([0-5][0-9]|6[0-1])\
     (\\.[0-9]{1,12})?([Zz]|[+-][0-2][0-9]:[0-9]{2})"
}
