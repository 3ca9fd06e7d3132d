//! The parts of a written time.

use chrono::{FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::{DateOrder, WrittenTime};

/// English months, of which files write the first three letters.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The three parts of a date as they are written, and what follows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateText<'a> {
    /// Numbers in their order; a month by name is in its place.
    pub parts: [u32; 3],
    /// Whether the first part has four digits.
    pub is_year_first: bool,
    /// Which part is a month by its name.
    pub named_month: Option<usize>,
    /// The sign between the parts.
    pub separator: char,
    /// What follows.
    pub rest: &'a str,
}

/// The date that a text begins with.
pub fn date(text: &str) -> Option<DateText<'_>> {
    let text = text.trim().trim_start_matches(['[', '"']);
    compact(text).or_else(|| separated(text))
}

fn compact(text: &str) -> Option<DateText<'_>> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if !matches!(digits, 8 | 12 | 14) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse().ok();
    let parts = [number(0..4)?, number(4..6)?, number(6..8)?];
    Some(DateText {
        parts,
        is_year_first: true,
        named_month: None,
        separator: '\0',
        rest: text.get(8..)?,
    })
}

fn separated(text: &str) -> Option<DateText<'_>> {
    let mut rest = text;
    let mut parts = [0; 3];
    let mut named_month = None;
    let mut separator = '\0';
    let mut is_year_first = false;
    for (place, part) in parts.iter_mut().enumerate() {
        let length = rest.find(|sign: char| !sign.is_alphanumeric()).unwrap_or(rest.len());
        // `2024-03-30T00:00`: the last part ends before the letter.
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let length = if digits > 0 { digits } else { length };
        let (word, after) = rest.split_at_checked(length)?;
        *part = match word.parse() {
            Ok(number) if word.len() <= 4 => number,
            _ => {
                named_month = Some(place).filter(|_| named_month.is_none());
                month(word)?
            }
        };
        is_year_first |= place == 0 && digits == 4;
        rest = after;
        if place < 2 {
            let sign = rest.chars().next().filter(|sign| "-/. ,".contains(*sign))?;
            separator = if place == 0 { sign } else { separator };
            rest = rest.trim_start_matches(['-', '/', '.', ' ', ',']);
        }
    }
    Some(DateText { parts, is_year_first, named_month, separator, rest })
}

fn month(word: &str) -> Option<u32> {
    let word = word.to_lowercase();
    let found = MONTHS.iter().zip(1..).find(|(name, _)| word.starts_with(**name));
    found.map(|(_, number)| number)
}

impl DateText<'_> {
    /// The date, with its parts in this order.
    pub fn in_order(&self, order: DateOrder) -> Option<NaiveDate> {
        let [first, second, third] = self.parts;
        let order = match self.named_month {
            Some(0) => DateOrder::Mdy,
            Some(_) if self.is_year_first => DateOrder::Ymd,
            Some(_) => DateOrder::Dmy,
            None => order,
        };
        let (year, month, day) = match order {
            DateOrder::Ymd => (first, second, third),
            DateOrder::Dmy => (third, second, first),
            DateOrder::Mdy => (third, first, second),
        };
        let century = if year < 100 { 2000 } else { 0 };
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()? + century, month, day)
    }
}

/// The time of the day and the offset that follow a date; midnight where nothing does.
pub fn time_after(date: NaiveDate, rest: &str) -> Option<WrittenTime> {
    let rest = rest
        .trim_start_matches(['T', 't', ' ', ',', '-', ':', '\t'])
        .trim_end_matches(['"', ']', ' ']);
    if rest.is_empty() {
        return Some(WrittenTime { local: date.into(), offset: None });
    }
    let end = rest
        .find(|sign: char| !(sign.is_ascii_digit() || ":.,h".contains(sign)))
        .unwrap_or(rest.len());
    let (clock, after) = rest.split_at_checked(end)?;
    let after = after.trim();
    let (half, after) = half_of_day(after);
    let after = after.trim();
    let after = after.find('[').map_or(after, |at| &after[..at]);
    let offset = if after.is_empty() { None } else { Some(offset(after)?) };
    Some(WrittenTime { local: at_clock(date, clock, half)?, offset })
}

/// `AM` or `PM`, as hours to add, and the rest.
fn half_of_day(text: &str) -> (Option<u32>, &str) {
    let lower = text.to_ascii_lowercase();
    for (names, hours) in [(["am", "a.m."], 0), (["pm", "p.m."], 12)] {
        let name = names.into_iter().find(|name| lower.starts_with(name));
        if let Some(name) = name {
            return (Some(hours), text.get(name.len()..).unwrap_or_default());
        }
    }
    (None, text)
}

fn at_clock(date: NaiveDate, clock: &str, half: Option<u32>) -> Option<NaiveDateTime> {
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let fields: Vec<&str> =
        if clock.contains([':', 'h']) { clock.split([':', 'h']).collect() } else { pairs(clock)? };
    let number = |place: usize| fields.get(place).map_or(Some(0), |text| text.parse::<u32>().ok());
    let (hour, minute, second) = (number(0)?, number(1)?, number(2)?);
    let hour = match half {
        Some(hours) => (1..=12).contains(&hour).then_some(hour % 12 + hours)?,
        None => hour,
    };
    let nanos = nanos(fraction)?;
    // The end of a day (ISO 8601:2004, 4.2.3).
    if hour == 24 {
        return (minute == 0 && second == 0 && nanos == 0)
            .then(|| NaiveDateTime::from(date) + TimeDelta::days(1));
    }
    (fields.len() <= 3)
        .then(|| NaiveTime::from_hms_nano_opt(hour, minute, second, nanos))?
        .map(|time| date.and_time(time))
}

/// `0030`, `003000`, `7` as fields of two digits.
fn pairs(digits: &str) -> Option<Vec<&str>> {
    match digits.len() {
        1 | 2 => Some(vec![digits]),
        3 => Some(vec![digits.get(..1)?, digits.get(1..)?]),
        4 | 6 => (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2)).collect(),
        _ => None,
    }
}

/// Digits beyond microseconds are cut off, as the service does.
fn nanos(fraction: &str) -> Option<u32> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
    digits.parse::<u32>().ok().map(|micros| micros * 1000)
}

/// An offset: `Z`, `UTC`, `GMT`, `+01:00`, `+0100`, `+01`, `UTC+1`.
pub fn offset(text: &str) -> Option<FixedOffset> {
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    let rest =
        ["UTC", "GMT", "Z"].iter().find_map(|name| upper.strip_prefix(name)).unwrap_or(&upper);
    if rest.is_empty() {
        return FixedOffset::east_opt(0).filter(|_| !upper.is_empty());
    }
    let sign = match rest.chars().next()? {
        '+' => 1,
        '-' | '−' => -1,
        _ => return None,
    };
    let digits: String = rest.chars().skip(1).filter(|sign| *sign != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits.get(..2)?.parse::<i32>().ok()?, digits.get(2..)?.parse::<i32>().ok()?),
        _ => return None,
    };
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
        .filter(|_| hours <= 18 && minutes < 60)
}
