//! The text of an instant, for readings whose senders write times as numbers.

use chrono::{DateTime, Datelike, Timelike};

use super::Instant;

impl Instant {
    /// ISO 8601 in UTC, such as `2024-01-15T10:30:00Z`; with three or six digits of a fraction where it has one. `None`
    /// outside of the years 1 to 9999, which timestamps have.
    #[must_use]
    pub fn to_timestamp(self) -> Option<String> {
        let time = DateTime::from_timestamp_micros(self.epoch_micros())?;
        let year = u32::try_from(time.year()).ok().filter(|year| (1..=9999).contains(year))?;
        let mut text = Text::default();
        text.push(year, 4, b'-');
        text.push(time.month(), 2, b'-');
        text.push(time.day(), 2, b'T');
        text.push(time.hour(), 2, b':');
        text.push(time.minute(), 2, b':');
        match time.nanosecond() / 1_000 {
            0 => text.push(time.second(), 2, b'Z'),
            micros => {
                text.push(time.second(), 2, b'.');
                match micros % 1_000 {
                    0 => text.push(micros / 1_000, 3, b'Z'),
                    _ => text.push(micros, 6, b'Z'),
                }
            }
        }
        Some(text.0)
    }
}

/// A text of decimal numbers. Formatting each by itself takes a tenth of the time of a format string, and is done for
/// each line.
struct Text(String);

impl Default for Text {
    fn default() -> Self {
        Self(String::with_capacity("2024-01-15T10:30:00.000000Z".len()))
    }
}

impl Text {
    /// Adds a number of this many digits, and what is behind it.
    fn push(&mut self, number: u32, digits: u32, end: u8) {
        for place in (0..digits).rev() {
            let digit = number / 10_u32.pow(place) % 10;
            self.0.push(char::from_digit(digit, 10).unwrap_or('0'));
        }
        self.0.push(char::from(end));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::parse;
    use super::*;

    #[test]
    fn a_fraction_is_written_where_there_is_one() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_705_314_600_000_000, "2024-01-15T10:30:00Z"),
            (1_705_314_600_120_000, "2024-01-15T10:30:00.120Z"),
            (1_705_314_600_000_001, "2024-01-15T10:30:00.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Instant::from_epoch_micros(micros).to_timestamp().as_deref(), Some(text));
        }
        for micros in [253_402_300_800_000_000, i64::MAX, i64::MIN, -62_135_596_800_000_001] {
            assert_eq!(Instant::from_epoch_micros(micros).to_timestamp(), None, "{micros}");
        }
    }

    proptest! {
        #[test]
        fn the_text_means_the_instant(
            micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000,
            unit in prop::sample::select(vec![1, 1_000, 1_000_000]),
        ) {
            let instant = Instant::from_epoch_micros(micros / unit * unit);
            let text = instant.to_timestamp().unwrap();
            prop_assert_eq!(parse(&text).unwrap().instant, instant);
        }
    }
}
