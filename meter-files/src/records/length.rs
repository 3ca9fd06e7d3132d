//! Lengths and periods, as fields have them.

use chrono::TimeDelta;

/// The length of an interval: a number of minutes, as `PT15M` (ISO 8601), or as `15 min`.
///
/// # Errors
/// When it is written in another way, or not positive.
pub fn parse(text: &str) -> Result<TimeDelta, String> {
    let minutes = text.trim().parse::<i64>().ok().and_then(TimeDelta::try_minutes);
    let length = minutes.or_else(|| duration(text));
    length
        .filter(|length| *length > TimeDelta::zero())
        .ok_or_else(|| format!("`{text}` is no length of an interval"))
}

/// Of ISO 8601 days, hours, minutes and seconds, as intervals of meters have them; else with a unit of time.
fn duration(text: &str) -> Option<TimeDelta> {
    let text = text.trim().to_ascii_lowercase();
    let words = match text.strip_prefix('p') {
        Some(rest) => rest.replacen('t', "", 1),
        None => text.replace(' ', ""),
    };
    TimeDelta::from_std(humantime::parse_duration(&words).ok()?).ok()
}

/// Start and end of a period, as `2024-03-01 00:00 to 2024-03-01 01:00` or with `/` between them.
pub fn period(text: &str) -> Option<(&str, &str)> {
    const BETWEEN: [&str; 5] = ["to", "–", " - ", "/", "bis"];
    // Both are alike, so the sign in the middle is the one between them.
    let halves = BETWEEN.iter().find_map(|sign| {
        let place = text
            .match_indices(sign)
            .map(|(at, _)| at)
            .min_by_key(|at| (2 * at + sign.len()).abs_diff(text.len()))?;
        Some((&text[..place], &text[place + sign.len()..]))
    })?;
    let (start, end) = (halves.0.trim(), halves.1.trim());
    let is_time = |text: &str| text.starts_with(|sign: char| sign.is_ascii_digit());
    (is_time(start) && is_time(end)).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_in_minutes_or_has_its_unit() {
        for (text, minutes) in
            [("15", 15), ("PT15M", 15), ("PT1H", 60), ("P1D", 1440), ("60min", 60), ("30 min", 30)]
        {
            assert_eq!(parse(text), Ok(TimeDelta::minutes(minutes)), "{text}");
        }
        for text in ["", "0", "-15", "PT", "soon"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_has_two_times() {
        for text in [
            "2024-08-14 00:00 to 2024-08-14 01:00",
            "2024-08-14 00:00\u{a0}to 2024-08-14 01:00",
            "2024-08-14 00:00/2024-08-14 01:00",
        ] {
            assert_eq!(period(text), Some(("2024-08-14 00:00", "2024-08-14 01:00")), "{text}");
        }
        assert_eq!(
            period("14/08/2024 00:00 - 14/08/2024 01:00"),
            Some(("14/08/2024 00:00", "14/08/2024 01:00"))
        );
        assert_eq!(period("Reading quality"), None);
    }
}
