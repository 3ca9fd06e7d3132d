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

/// The place of a column by name, or by position as `#3`.
#[must_use]
pub fn position(names: &[String], column: &str) -> Option<usize> {
    let wanted = plain(column);
    if let Some(found) = names.iter().position(|name| plain(name) == wanted) {
        return Some(found);
    }
    let number: usize = column.strip_prefix('#')?.parse().ok()?;
    number.checked_sub(1)
}
