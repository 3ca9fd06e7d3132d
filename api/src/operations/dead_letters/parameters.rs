//! Parameters of the operations on dead letters.

use poem_openapi::registry::MetaSchema;
use readings::store::stream::EntryId;
use serde_json::json;

use crate::parameter::{
    PARTITION_PATTERN, Parameter, ParameterError, integer_schema, integer_within,
};

/// The page length when the request has none.
const DEFAULT_LIMIT: usize = 100;

/// The longest page. Too low and a long list takes many requests; too high and one response takes much memory.
const MAX_LIMIT: i64 = 1_000;

/// The longest page that is wanted, in dead letters.
pub(super) struct PageLimit;

impl Parameter for PageLimit {
    type Value = usize;

    const LOCATION: [&'static str; 2] = ["query", "limit"];

    fn schema() -> MetaSchema {
        let default = Some(json!(DEFAULT_LIMIT));
        MetaSchema { default, ..integer_schema(1, MAX_LIMIT) }
    }

    fn parse(text: Option<&str>) -> Result<usize, ParameterError> {
        let Some(text) = text else { return Ok(DEFAULT_LIMIT) };
        integer_within(text, 1, MAX_LIMIT)
    }
}

/// The id of the dead letter before the page.
pub(super) struct Cursor;

impl Parameter for Cursor {
    type Value = Option<EntryId>;

    const LOCATION: [&'static str; 2] = ["query", "cursor"];

    fn schema() -> MetaSchema {
        // The largest that Redis gives has 20 digits, as have numbers that are too large.
        let pattern = Some(format!("^{PARTITION_PATTERN}[0-9]{{1,19}}-[0-9]{{1,19}}$"));
        MetaSchema { pattern, ..MetaSchema::new("string") }
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        text.map(|text| text.parse().map_err(|_| not_a_cursor())).transpose()
    }
}

fn not_a_cursor() -> ParameterError {
    ParameterError::value_error("a cursor is the `next_cursor` of a page")
}

/// The id of the dead letter in a path; `None` for text that is not an entry id.
pub(super) struct DeadLetterId;

impl Parameter for DeadLetterId {
    type Value = Option<EntryId>;

    const LOCATION: [&'static str; 2] = ["path", "id"];
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        MetaSchema { min_length: Some(1), ..MetaSchema::new("string") }
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        Ok(text.ok_or_else(ParameterError::unicode)?.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_an_integer_within_its_bounds() {
        assert_eq!(PageLimit::parse(None).unwrap(), DEFAULT_LIMIT);
        assert_eq!(PageLimit::parse(Some("1000")).unwrap(), 1_000);
        for (text, code) in [
            ("", "int_parsing"),
            ("ten", "int_parsing"),
            ("0", "greater_than_equal"),
            ("-1", "greater_than_equal"),
            ("1001", "less_than_equal"),
        ] {
            assert_eq!(PageLimit::parse(Some(text)).unwrap_err().code, code, "{text:?}");
        }
    }

    #[test]
    fn a_cursor_is_an_entry_id() {
        assert_eq!(Cursor::parse(None).unwrap(), None);
        for text in ["5-10", "3:5-10"] {
            assert_eq!(Cursor::parse(Some(text)).unwrap(), text.parse().ok(), "{text:?}");
        }
        for text in ["", "zzz", "5", "3:5"] {
            assert_eq!(Cursor::parse(Some(text)).unwrap_err().code, "value_error", "{text:?}");
        }
    }
}
