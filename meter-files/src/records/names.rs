//! Names of columns and members.

/// A name as it is compared: in any case, with single spaces, without quotation marks.
#[must_use]
pub fn plain(name: &str) -> String {
    let words =
        name.trim_matches(|sign: char| sign.is_whitespace() || sign == '"' || sign == '\u{feff}');
    words.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether these names contain all columns.
#[must_use]
pub fn names_all(names: &[String], columns: &[String]) -> bool {
    columns.iter().all(|column| position(names, column).is_some())
}

/// The place of a column by name, or by position as `#3`; the first one where `*` in it stands for any text.
#[must_use]
pub fn position(names: &[String], column: &str) -> Option<usize> {
    let wanted = plain(column);
    let is_wanted = |name: &String| plain(name) == wanted || between(name, column).is_some();
    if let Some(found) = names.iter().position(is_wanted) {
        return Some(found);
    }
    let number: usize = column.strip_prefix('#')?.parse().ok()?;
    number.checked_sub(1)
}

/// The text of a name that `*` of a pattern stands for; `None` if it does not match.
#[must_use]
pub fn between<'a>(name: &'a str, pattern: &str) -> Option<&'a str> {
    let (before, after) = pattern.split_once('*')?;
    let found = name.trim().strip_prefix(before)?.strip_suffix(after)?.trim();
    (!found.is_empty()).then_some(found)
}

/// The name of a device without what keeps a spreadsheet from taking it for a number: `'123` and `="123"`.
#[must_use]
pub fn device(text: &str) -> String {
    let text = text.trim();
    let formula = text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"'));
    formula.or_else(|| text.strip_prefix('\'')).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let names = ["Time Bucket (America/Chicago)", "Home-Dryer (kWhs)", "Home-Oven (kWhs)"]
            .map(str::to_owned);
        assert_eq!(position(&names, "Time Bucket (*)"), Some(0));
        assert_eq!(position(&names, "* (kWhs)"), Some(1));
        assert_eq!(between(&names[2], "* (kWhs)"), Some("Home-Oven"));
        assert_eq!(position(&names, "* (kWatts)"), None);
        assert_eq!(between(" (kWhs)", "* (kWhs)"), None);
    }

    #[test]
    fn the_name_of_a_device_has_no_signs_for_spreadsheets() {
        for text in ["541448", "'541448", "=\"541448\"", " 541448 "] {
            assert_eq!(device(text), "541448");
        }
    }
}
