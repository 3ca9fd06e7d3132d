//! Hour 24, by which exports denote the end of a day's last interval.

use chrono::{Datelike, Days, NaiveDate};

/// The last year that a timestamp can have.
const LAST_YEAR: i32 = 9999;

/// A timestamp of hour 24 (ISO 8601:2004, 4.2.3) as hour 0 of the next day; `None` for any other. The service rejects
/// hour 24, like Python before 3.13.
pub fn hour_24_as_next_day(timestamp: &str) -> Option<String> {
    let (format, (date, rest)) = ["%Y-%m-%d", "%Y%m%d"]
        .into_iter()
        .find_map(|format| Some((format, date(timestamp, format)?)))?;
    let mut rest = rest.chars();
    let separator = rest.next().filter(|separator| !separator.is_ascii_digit())?;
    let time = rest.as_str().strip_prefix("24")?;
    let offset = time.find(['Z', '+', '-']).unwrap_or(time.len());
    if !time[..offset].chars().all(|character| matches!(character, '0' | ':' | '.' | ',')) {
        return None;
    }
    let next = date.checked_add_days(Days::new(1)).filter(|next| next.year() <= LAST_YEAR)?;
    Some(format!("{}{separator}00{time}", next.format(format)))
}

/// Splits off a date of this format.
fn date<'a>(timestamp: &'a str, format: &str) -> Option<(NaiveDate, &'a str)> {
    let (text, rest) = timestamp.split_at_checked(if format.contains('-') { 10 } else { 8 })?;
    // Chrono also parses signs and white space.
    let is_date = text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains('+');
    let date = NaiveDate::parse_from_str(text, format).ok().filter(|_| is_date)?;
    Some((date, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hour_24_is_hour_0_of_the_next_day() {
        for (text, expected) in [
            ("2024-01-15T24:00:00Z", "2024-01-16T00:00:00Z"),
            ("2024-01-15 24:00", "2024-01-16 00:00"),
            ("2023-12-31T24:00:00.000-07:00", "2024-01-01T00:00:00.000-07:00"),
            ("2024-02-28T24+0100", "2024-02-29T00+0100"),
            ("20240229T240000Z", "20240301T000000Z"),
        ] {
            assert_eq!(hour_24_as_next_day(text).as_deref(), Some(expected), "{text}");
            assert!(readings::iso8601::parse(expected).is_ok(), "{expected}");
        }
    }

    #[test]
    fn other_timestamps_are_left_to_the_service() {
        for text in [
            "2024-01-15T23:59:59Z",
            "2024-01-15T24:00:01Z",
            "2024-01-15T24:30",
            "2024-02-30T24:00",
            "2024-01-15",
            "2024-W03-1T24:00",
            "24:00",
            "",
            "9999-12-31T24:00",
            "+024-01-15T24:00",
            "9999é12-31T24:00",
            "2024-01-15é24:0x",
        ] {
            assert_eq!(hour_24_as_next_day(text), None, "{text}");
        }
    }
}
