//! The pattern of a timestamp in the OpenAPI document.

use poem_openapi::registry::MetaSchema;

use crate::with_schema::JsonSchema;

/// The text of a timestamp. The pattern (ECMA-262) matches the forms of ISO 8601 with valid dates only, so that
/// every match is accepted (except the week-end of the last week of year 9999). It does not match the peculiarities
/// of [`readings::iso8601`], nor week 53, which few years have.
#[derive(Debug)]
pub(super) struct TimestampText;

impl JsonSchema for TimestampText {
    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some(pattern()),
            max_length: Some(MAX_CHARACTERS),
            ..MetaSchema::new("string")
        }
    }
}

const MAX_CHARACTERS: usize = 128;

const YEAR: &str = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])";
const LEAP_YEAR: &str =
    "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)";
const WEEK: &str = "W(?:0[1-9]|[1-4][0-9]|5[0-2])";
const HOUR: &str = "(?:[01][0-9]|2[0-3])";
const SIXTIETH: &str = "[0-5][0-9]";
/// As many digits as fit beside the longest date, time and offset.
const FRACTION: &str = "(?:[.,][0-9]{1,99})?";

fn pattern() -> String {
    let extended = date("-", "(?:-[1-7])?");
    let basic = date("", "[1-7]?");
    format!("^(?:{extended}|{basic})(?:[T ](?:{}|{})(?:{})?)?$", time(":"), time(""), offset())
}

/// A date with this separator.
fn date(dash: &str, weekday: &str) -> String {
    let short = format!("(?:0[1-9]|1[0-2]){dash}(?:0[1-9]|1[0-9]|2[0-8])");
    let longer = format!("(?:0[13-9]|1[0-2]){dash}(?:29|30)");
    let longest = format!("(?:0[13578]|1[02]){dash}31");
    let month_and_day = format!("(?:{short}|{longer}|{longest})");
    format!("{YEAR}{dash}{month_and_day}|{LEAP_YEAR}{dash}02{dash}29|{YEAR}{dash}{WEEK}{weekday}")
}

fn time(colon: &str) -> String {
    format!("{HOUR}(?:{colon}{SIXTIETH}(?:{colon}{SIXTIETH}{FRACTION})?)?")
}

fn offset() -> String {
    let minutes = |colon| format!("{colon}{SIXTIETH}(?:{colon}{SIXTIETH})?");
    format!("Z|[+-]{HOUR}(?:{}|{})?", minutes(":"), minutes(""))
}
