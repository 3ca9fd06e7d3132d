//! Which columns are the intervals of a day.

use chrono::TimeDelta;

use crate::shape::Times;
use crate::shape::duration::Interval;

/// The fewest intervals of a day, one an hour. Too low: a table with a few times in its header is taken for one of days. Too
/// high: days of 23 hours are not found.
const MIN_INTERVALS: usize = 23;
const MINUTES_OF_A_DAY: u32 = 24 * 60;

/// What is before the number of an interval.
const NUMBERED: [&str; 14] =
    ["", "h", "hh", "hr", "hour", "he", "i", "int", "interval", "period", "t", "v", "value", "kwh"];

/// The columns of the intervals of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayColumns {
    /// Their places in the header.
    pub places: Vec<usize>,
    /// The times that they denote; `None` where they are numbers.
    pub labels: Option<Vec<String>>,
    minutes: u32,
    times: Times,
}

impl DayColumns {
    /// The columns whose names are times of the day, such as `00:30` and `00:00-00:15`, or numbers, such as `HH01`;
    /// `None` if there are fewer than hours of a day.
    #[must_use]
    pub fn find(names: &[String]) -> Option<Self> {
        Self::of_times(names).or_else(|| Self::of_numbers(names))
    }

    fn of_times(names: &[String]) -> Option<Self> {
        let found: Vec<_> = names
            .iter()
            .enumerate()
            .filter_map(|(place, name)| Some((place, label(name)?)))
            .collect();
        let [(_, first), (_, second), ..] = found.as_slice() else { return None };
        let minutes = second.minute.checked_sub(first.minute).filter(|minutes| *minutes > 0)?;
        let is_end = !first.has_end && first.minute == minutes;
        if found.len() < MIN_INTERVALS || !(first.minute == 0 || is_end) {
            return None;
        }
        let times = if is_end { Times::End } else { Times::Start };
        let places = found.iter().map(|(place, _)| *place).collect();
        let labels = Some(found.iter().map(|(_, label)| label.text(is_end)).collect());
        Some(Self { places, labels, minutes, times })
    }

    fn of_numbers(names: &[String]) -> Option<Self> {
        let mut places = Vec::new();
        for (place, name) in names.iter().enumerate() {
            if number(name) == Some(places.len() + 1) {
                places.push(place);
            }
        }
        // Up to two more hours than a day has: of days on which clocks are set back.
        let per_hour = [1, 2, 4, 6, 12]
            .into_iter()
            .find(|per_hour| (23 * per_hour..=25 * per_hour).contains(&places.len()))?;
        let minutes = 60 / u32::try_from(per_hour).ok()?;
        Some(Self { places, labels: None, minutes, times: Times::Start })
    }

    /// The length of an interval.
    pub fn length(&self) -> TimeDelta {
        TimeDelta::minutes(self.minutes.into())
    }

    /// The length of an interval, as a shape has it.
    pub fn interval(&self) -> Option<Interval> {
        Interval::new(self.length())
    }

    /// Which end of an interval a time denotes.
    pub const fn times(&self) -> Times {
        self.times
    }
}

/// A time of the day in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Label {
    minute: u32,
    has_end: bool,
}

impl Label {
    /// As a time of the day; an end at midnight is that of this day.
    fn text(self, is_end: bool) -> String {
        let minute = if is_end && self.minute == 0 { MINUTES_OF_A_DAY } else { self.minute };
        format!("{:02}:{:02}", minute / 60, minute % 60)
    }
}

fn label(name: &str) -> Option<Label> {
    let (start, end) = match name.split_once(['-', '–']) {
        Some((start, end)) => (start, Some(minute(end)?)),
        None => (name, None),
    };
    Some(Label { minute: minute(start)?, has_end: end.is_some() })
}

/// `00:30`, `0:30`, `00:30:00`, `24:00`.
fn minute(text: &str) -> Option<u32> {
    let mut parts = text.trim().split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let has_seconds = parts.next().is_none_or(|seconds| seconds == "00");
    let is_number = |part: &str| {
        (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(hour) || !is_number(minute) || !has_seconds || parts.next().is_some() {
        return None;
    }
    let minute = hour.parse::<u32>().ok()? * 60
        + minute.parse::<u32>().ok().filter(|minute| *minute < 60)?;
    (minute <= MINUTES_OF_A_DAY).then_some(minute)
}

/// The number of a column such as `1`, `HH01`, `Interval 48`, `kWh_12`. Other names are those of devices: `Circuit 12`.
fn number(name: &str) -> Option<usize> {
    let digits = name.trim_start_matches(|sign: char| !sign.is_ascii_digit());
    let word = name.strip_suffix(digits).unwrap_or_default().trim_end_matches([' ', '_']);
    if !NUMBERED.iter().any(|known| known.eq_ignore_ascii_case(word)) {
        return None;
    }
    let is_number =
        (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(labels: impl Iterator<Item = String>) -> Vec<String> {
        ["MPAN".to_owned(), "Date".to_owned()].into_iter().chain(labels).collect()
    }

    fn clock(minute: u32) -> String {
        format!("{:02}:{:02}", minute / 60, minute % 60)
    }

    fn found(labels: impl Iterator<Item = String>) -> (usize, i64, Times, Option<String>) {
        let columns = DayColumns::find(&header(labels)).unwrap();
        let last = columns.labels.as_ref().map(|labels| labels[labels.len() - 1].clone());
        assert_eq!(columns.places[0], 2);
        (columns.places.len(), columns.length().num_minutes(), columns.times(), last)
    }

    #[test]
    fn the_first_time_says_whether_times_are_starts_or_ends() {
        let last = |text: &str| Some(text.to_owned());
        let halves = |from: u32| (0..48).map(move |n| clock(from + n * 30));
        assert_eq!(found(halves(30)), (48, 30, Times::End, last("24:00")));
        assert_eq!(found(halves(0)), (48, 30, Times::Start, last("23:30")));
        let to_midnight = (0..48).map(|n| clock((30 + n * 30) % 1440));
        assert_eq!(found(to_midnight), (48, 30, Times::End, last("24:00")));
        let quarters = (0..96).map(|n| format!("{}-{}", clock(n * 15), clock(n * 15 + 15)));
        assert_eq!(found(quarters), (96, 15, Times::Start, last("23:45")));
    }

    #[test]
    fn numbers_count_the_intervals_also_of_days_with_more_or_fewer_hours() {
        for (count, minutes) in
            [(48, 30), (50, 30), (46, 30), (96, 15), (100, 15), (24, 60), (25, 60), (288, 5)]
        {
            let numbers = (1..=count).map(|n| format!("HH{n:02}"));
            assert_eq!(found(numbers), (count, minutes, Times::Start, None));
        }
    }

    #[test]
    fn a_table_with_a_few_times_or_numbers_in_its_header_or_with_many_devices_has_no_days() {
        let devices = (1..=24).map(|n| format!("Circuit {n}"));
        assert_eq!(DayColumns::find(&header(devices)), None);
        for labels in [vec!["00:00", "12:00"], vec!["1", "2", "3"], vec!["a"; 48]] {
            assert_eq!(DayColumns::find(&header(labels.into_iter().map(str::to_owned))), None);
        }
    }
}
