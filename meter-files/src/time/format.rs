//! How times of a file are written.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

use super::text::{self, DateText};
use super::{DateOrder, WrittenTime};
use crate::error::FileError;

/// How times are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// A date in this order, a time of the day, and perhaps an offset.
    Date(DateOrder),
    /// Seconds since 1970, or milliseconds, microseconds, nanoseconds, as the number of digits says.
    Epoch,
    /// A format of `strftime`.
    Custom(String),
}

/// The choices, for errors.
pub const CHOICES: &str = "--time-format dmy|mdy|ymd|epoch or a format such as '%d.%m.%Y %H:%M'";

impl TimeFormat {
    /// The format with this name.
    ///
    /// # Errors
    /// When it is neither a name nor a format.
    pub fn named(name: &str) -> Result<Self, String> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "iso" | "ymd" => Self::Date(DateOrder::Ymd),
            "dmy" => Self::Date(DateOrder::Dmy),
            "mdy" => Self::Date(DateOrder::Mdy),
            "epoch" => Self::Epoch,
            _ if name.contains('%') => Self::Custom(name.to_owned()),
            _ => {
                return Err(
                    "must be dmy, mdy, ymd, epoch, or a format such as '%d.%m.%Y %H:%M'".to_owned()
                );
            }
        })
    }

    /// The format of a column of times, from some of them. `03/04/2024` alone is ambiguous; one day above 12 decides.
    /// Where the parts are separated by points, the day is first: no country writes the month there.
    ///
    /// # Errors
    /// When they can be read in two ways, or in none.
    pub fn infer<'a>(samples: impl Iterator<Item = &'a str>) -> Result<Self, FileError> {
        let mut evidence = Evidence::default();
        for sample in samples {
            if epoch(sample).is_some() {
                evidence.epoch.get_or_insert_with(|| sample.to_owned());
            } else if let Some(date) = text::date(sample) {
                evidence.add(&date, sample);
            }
        }
        evidence.decide()
    }

    /// The time that is written.
    ///
    /// # Errors
    /// When it is written in another way, or does not exist.
    pub fn parse(&self, text: &str) -> Result<WrittenTime, String> {
        let written = match self {
            Self::Epoch => epoch(text),
            Self::Custom(format) => custom(text.trim(), format),
            Self::Date(order) => text::date(text).and_then(|found| {
                if *order != DateOrder::Ymd && found.is_year_first {
                    return None;
                }
                text::time_after(found.in_order(*order)?, found.rest)
            }),
        };
        // Later arithmetic must not overflow.
        let written = written.filter(|written| (1..=9999).contains(&written.local.year()));
        written.ok_or_else(|| format!("`{text}` is not a time written as {self}"))
    }
}

/// What samples show.
#[derive(Default)]
struct Evidence {
    epoch: Option<String>,
    year_first: bool,
    day_first: bool,
    month_first: bool,
    ambiguous: Option<String>,
}

impl Evidence {
    fn add(&mut self, date: &DateText<'_>, sample: &str) {
        let [first, second, _] = date.parts;
        if date.is_year_first {
            self.year_first = true;
        } else if date.separator == '.' || date.named_month.is_some() || first > 12 {
            self.day_first = true;
        } else if second > 12 {
            self.month_first = true;
        } else {
            self.ambiguous.get_or_insert_with(|| sample.to_owned());
        }
    }

    fn decide(self) -> Result<TimeFormat, FileError> {
        let unclear = |question: String| Err(FileError::unclear(question, CHOICES));
        match (
            self.epoch.is_some(),
            self.year_first,
            self.day_first,
            self.month_first,
            self.ambiguous,
        ) {
            (true, false, false, false, None) => Ok(TimeFormat::Epoch),
            (false, true, false, false, None) => Ok(TimeFormat::Date(DateOrder::Ymd)),
            (false, false, true, false, _) => Ok(TimeFormat::Date(DateOrder::Dmy)),
            (false, false, false, true, _) => Ok(TimeFormat::Date(DateOrder::Mdy)),
            (false, false, false, false, Some(sample)) => unclear(format!(
                "`{sample}` may be day/month or month/day, and no day above 12 shows which"
            )),
            (false, false, false, false, None) => unclear("no time was recognised".to_owned()),
            _ => unclear("times are written in several ways".to_owned()),
        }
    }
}

/// Seconds to nanoseconds, with a fraction.
fn epoch(text: &str) -> Option<WrittenTime> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let to_micros: i64 = match whole.len() {
        9 | 10 => 1_000_000,
        13 => 1000,
        16 => 1,
        19 => 0,
        _ => return None,
    };
    let number: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
    let below: i64 = digits.parse().ok()?;
    let micros = if to_micros == 0 {
        number / 1000
    } else {
        number * to_micros + below * to_micros / 1_000_000
    };
    let local = DateTime::from_timestamp_micros(micros)?.naive_utc();
    Some(WrittenTime { local, offset: text::offset("Z") })
}

fn custom(text: &str, format: &str) -> Option<WrittenTime> {
    if let Ok(time) = DateTime::parse_from_str(text, format) {
        return Some(WrittenTime { local: time.naive_local(), offset: Some(*time.offset()) });
    }
    let date = || NaiveDate::parse_from_str(text, format).ok().map(NaiveDateTime::from);
    let local = NaiveDateTime::parse_from_str(text, format).ok().or_else(date)?;
    Some(WrittenTime { local, offset: None })
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(DateOrder::Ymd) => f.write_str("year, month, day"),
            Self::Date(DateOrder::Dmy) => f.write_str("day, month, year"),
            Self::Date(DateOrder::Mdy) => f.write_str("month, day, year"),
            Self::Epoch => f.write_str("seconds or parts of seconds since 1970"),
            Self::Custom(format) => write!(f, "{format}"),
        }
    }
}
