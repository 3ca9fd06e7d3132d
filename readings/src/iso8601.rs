//! Timestamps as Python parses them.
//!
//! A text is a timestamp exactly when `CPython` 3.11's
//! `datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))` accepts it, and it means the same
//! instant, to the microsecond; without an offset it is UTC. The source of the rule is
//! `Modules/_datetimemodule.c` (`Lib/datetime.py` differs in corners, and C is what runs):
//!
//! ```text
//! timestamp = date [ one character, time [ offset ] ]
//! date      = YYYY-MM-DD | YYYYMMDD | YYYY-Www[-D] | YYYYWww[D]
//! time      = ( HH[:MM[:SS]] | HH[MM[SS]] ) [ fraction ]
//! fraction  = ( "." | "," ) digits          of a second, cut off after microseconds
//! offset    = "Z" | ( "+" | "-" ) time      less than 24 hours
//! ```
//!
//! Its quirks are part of the rule, so that this parser and the original never disagree on a text:
//! - the separator may be a digit, or `Z`: `2024-01-15Z:30` is `2024-01-15+00:00:30`;
//! - after seconds a fraction is also marked by a colon, or in `HHMMSS` by nothing;
//! - before an offset one stray character is skipped, or all that follow six digits of a fraction;
//! - an offset's minutes and seconds go to 99; a NUL ends the text where C stops at it.
//!
//! The contract adds one rule: a number is not a timestamp. (Python parses some epoch milliseconds as
//! a day around the year 1712, with a digit for the separator.) `tests/python_timestamps.rs` compares
//! this module with the results of Python itself.

mod format;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A point in time in microseconds since the Unix epoch, negative before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// The instant a number of microseconds after the Unix epoch.
    #[must_use]
    pub const fn from_epoch_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant `age` before now, by this machine's clock; `None` if that is out of range.
    #[must_use]
    pub fn before_now(age: Duration) -> Option<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let micros = |time: Duration| i64::try_from(time.as_micros()).ok();
        Some(Self(micros(now)?.checked_sub(micros(age)?)?))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn epoch_micros(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch, correctly rounded: bit for bit what Python's
    /// `datetime.timestamp()` gives for an aware datetime. It is the sorted-set score.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "none exceeds 2^53")]
    pub fn epoch_seconds(self) -> f64 {
        if self.0.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS {
            return self.0 as f64 / 1e6;
        }
        // Rounded twice, yet correctly: scores this large are 2^-19 or more apart, and a fraction
        // is either exactly half-way between two of them or farther from it than its own error.
        (self.0 / MICROS_PER_SECOND) as f64 + (self.0 % MICROS_PER_SECOND) as f64 / 1e6
    }
}

/// The meaning of a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedTimestamp {
    /// Its instant.
    pub instant: Instant,
    /// Whether an offset was written (in Python: the datetime is aware); if not, UTC was assumed.
    pub has_offset: bool,
}

/// Why a text is not a timestamp, in a sentence for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// It does not have the form.
    #[error("not an ISO 8601 timestamp, expected e.g. 2024-01-15T10:30:00Z")]
    NotIso8601,
    /// White space before or after it.
    #[error("a timestamp has no white space before or after it, remove it")]
    SurroundingSpace,
    /// A `z` in place of `Z`.
    #[error("UTC is an upper-case Z, send Z in place of z")]
    LowerCaseZ,
    /// A number, most likely seconds or milliseconds since the epoch.
    #[error("a number (epoch time?) is not a timestamp, send ISO 8601, e.g. 2024-01-15T10:30:00Z")]
    EpochNumber,
    /// A year, month, day, week or weekday that the calendar does not have.
    #[error("the calendar has no such day (years are 0001 to 9999), send one that exists")]
    NoSuchDay,
    /// `24:00`.
    #[error("24:00 is not accepted, send 00:00 of the next day")]
    EndOfDay,
    /// Second 60.
    #[error("leap seconds are not accepted, send second 59 in place of 60")]
    LeapSecond,
    /// Another hour, minute or second that the clock does not have.
    #[error("hours go from 00 to 23, minutes and seconds from 00 to 59, send a time within these")]
    NoSuchTime,
    /// An offset of a day or more.
    #[error("the offset from UTC must be less than 24 hours, send it as e.g. +02:00")]
    OffsetOutOfRange,
}

/// Parses a timestamp.
///
/// # Errors
/// The first rule that the text breaks, or a more likely mistake behind it.
pub fn parse(text: &str) -> Result<ParsedTimestamp, TimestampError> {
    if is_number(text) {
        return Err(TimestampError::EpochNumber);
    }
    read_timestamp(text.as_bytes()).map_err(|error| friendlier_error(text, error))
}

/// Digits, and decimal points after them. But eight digits are the date `YYYYMMDD`.
fn is_number(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let rest = skip_while(number, u8::is_ascii_digit);
    let is_numeric = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.');
    !matches!(number.len() - rest.len(), 0 | 8) && rest.iter().all(is_numeric)
}

/// The error, or the more likely mistake behind it.
#[cold]
fn friendlier_error(text: &str, error: TimestampError) -> TimestampError {
    match text.strip_suffix('z') {
        _ if text.trim() != text => TimestampError::SurroundingSpace,
        Some(rest) if read_timestamp(rest.as_bytes()).is_ok() => TimestampError::LowerCaseZ,
        _ => error,
    }
}

fn read_timestamp(text: &[u8]) -> Result<ParsedTimestamp, TimestampError> {
    let (date, rest) = read_date(text).ok_or(TimestampError::NotIso8601)?;
    let date = date.ok_or(TimestampError::NoSuchDay)?;
    let (time, offset) = split_at_sign(rest);
    let has_offset = !offset.is_empty();
    let time = read_time(time, has_offset)?;
    let ahead = read_offset(offset)?;
    let instant = Instant(date.and_time(time).and_utc().timestamp_micros() - ahead);
    Ok(ParsedTimestamp { instant, has_offset })
}

/// The value and the bytes after it; `None` when the text does not have the form.
type Read<'a, T> = Option<(T, &'a [u8])>;

/// `None` when the text has the form of a date but the calendar has no such day.
type Day = Option<NaiveDate>;

fn read_date(text: &[u8]) -> Read<'_, Day> {
    let (year, rest) = read_digits::<4>(text)?;
    let year = year.cast_signed();
    let (date, rest) = match rest {
        [b'-', b'W', week @ ..] => read_week_date(year, week, split_dashed_weekday),
        [b'W', week @ ..] => read_week_date(year, week, split_weekday),
        [b'-', month @ ..] => read_month_date(year, month, b"-"),
        month => read_month_date(year, month, b""),
    }?;
    Some((date.filter(|date| (1..=9999).contains(&date.year())), rest))
}

fn read_month_date<'a>(year: i32, text: &'a [u8], dash: &[u8]) -> Read<'a, Day> {
    let (month, rest) = read_digits::<2>(text)?;
    let (day, rest) = read_digits::<2>(rest.strip_prefix(dash)?)?;
    Some((NaiveDate::from_ymd_opt(year, month, day), rest))
}

fn read_week_date(year: i32, text: &[u8], split: fn(&[u8]) -> (u8, &[u8])) -> Read<'_, Day> {
    let (week, rest) = read_digits::<2>(text)?;
    let (weekday, rest) = split(rest);
    let weekday = Weekday::try_from(weekday.wrapping_sub(b'1')).ok();
    let date = weekday.and_then(|weekday| NaiveDate::from_isoywd_opt(year, week, weekday));
    Some((date, rest))
}

/// The weekday of `YYYY-Www[-D]`. Before two digits the dash is a separator: they are an hour.
fn split_dashed_weekday(text: &[u8]) -> (u8, &[u8]) {
    match text {
        [b'-', _, b'0'..=b'9', ..] => (b'1', text),
        [b'-', weekday, rest @ ..] => (*weekday, rest),
        _ => (b'1', text),
    }
}

/// The weekday of `YYYYWww[D]`. Whether a digit is one, Python tells by how many there are.
fn split_weekday(text: &[u8]) -> (u8, &[u8]) {
    let digits = text.len() - skip_while(text, u8::is_ascii_digit).len();
    match (digits, text) {
        (1, [weekday, rest @ ..]) => (*weekday, rest),
        (2.., [weekday, rest @ ..]) if digits.is_multiple_of(2) => (*weekday, rest),
        _ => (b'1', text),
    }
}

/// The time with its separator, and the offset, which begins with its sign; either may be empty.
fn split_at_sign(text: &[u8]) -> (&[u8], &[u8]) {
    let is_sign = |byte: &u8| matches!(byte, b'Z' | b'+' | b'-');
    let sign = text.iter().skip(1).position(is_sign);
    sign.and_then(|place| text.split_at_checked(1 + place)).unwrap_or((text, b""))
}

fn read_time(text: &[u8], has_offset: bool) -> Result<NaiveTime, TimestampError> {
    if text.is_empty() {
        return Ok(NaiveTime::MIN);
    }
    let clock = read_clock(text, has_offset).ok_or(TimestampError::NotIso8601)?;
    let [hour, minute, second, micros] = clock;
    NaiveTime::from_hms_micro_opt(hour, minute, second, micros).ok_or(match clock {
        [24, 0, 0, 0] => TimestampError::EndOfDay,
        [0..=23, 0..=59, 60, _] => TimestampError::LeapSecond,
        _ => TimestampError::NoSuchTime,
    })
}

/// How many microseconds local time is ahead of UTC.
fn read_offset(text: &[u8]) -> Result<i64, TimestampError> {
    if matches!(text, b"" | b"Z") {
        return Ok(0);
    }
    let clock = read_clock(text, false).ok_or(TimestampError::NotIso8601)?;
    let [hours, minutes, seconds, micros] = clock.map(i64::from);
    match ((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + micros {
        MICROS_PER_DAY.. => Err(TimestampError::OffsetOutOfRange),
        ..MICROS_PER_SECOND => Ok(0), // Python sees UTC as soon as the whole seconds are zero
        micros if text.starts_with(b"-") => Ok(-micros),
        micros => Ok(micros),
    }
}

/// What a clock shows: hour, minute, second and microseconds.
type Clock = [u32; 4];

/// A clock after one character: the separator of a time or the sign of an offset. In either place
/// `Z` stands for `+00:00` and so brings hour and minute with it.
fn read_clock(text: &[u8], may_stray: bool) -> Option<Clock> {
    let (clock, rest) = if let [b'Z', rest @ ..] = text {
        read_fields([0; 4], 2, true, rest)?
    } else {
        let is_continuation = |byte: &u8| matches!(byte, 0x80..=0xBF); // of a character in UTF-8
        let (hour, rest) = read_digits::<2>(skip_while(text.get(1..)?, is_continuation))?;
        read_fields([hour, 0, 0, 0], 1, rest.starts_with(b":"), rest)?
    };
    let is_end = matches!(rest, [] | [b'\0', ..]); // C ends its strings with a NUL
    (may_stray || is_end).then_some(clock)
}

/// The fields of a clock after the first `known` ones. One last character is left unread.
fn read_fields(mut clock: Clock, known: usize, colons: bool, mut rest: &[u8]) -> Read<'_, Clock> {
    let mut unread = clock.iter_mut().take(3).skip(known);
    let fraction = loop {
        rest = match rest {
            [] | [_] => return Some((clock, rest)),
            [b'.' | b',', fraction @ ..] => break fraction,
            [b':', field @ ..] if colons => field,
            _ if colons => return None,
            field => field,
        };
        match unread.next() {
            Some(field) => (*field, rest) = read_digits::<2>(rest)?,
            None => break rest,
        }
    };
    (clock[3], rest) = read_fraction(fraction)?;
    Some((clock, rest))
}

/// A fraction of a second in microseconds; further digits are passed over.
fn read_fraction(text: &[u8]) -> Read<'_, u32> {
    let micros = number(text.iter().chain(b"00000").take(6))?;
    let rest = skip_while(text.get(6..).unwrap_or_default(), u8::is_ascii_digit);
    Some((micros, rest))
}

fn read_digits<const N: usize>(text: &[u8]) -> Read<'_, u32> {
    let (digits, rest) = text.split_first_chunk::<N>()?;
    Some((number(digits.iter())?, rest))
}

fn number<'a>(mut digits: impl Iterator<Item = &'a u8>) -> Option<u32> {
    digits.try_fold(0, |number, digit| Some(number * 10 + char::from(*digit).to_digit(10)?))
}

fn skip_while(text: &[u8], is_skipped: impl Fn(&u8) -> bool) -> &[u8] {
    let skipped = text.iter().take_while(|byte| is_skipped(byte)).count();
    text.get(skipped..).unwrap_or_default()
}
