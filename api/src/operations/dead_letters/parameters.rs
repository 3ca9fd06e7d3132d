//! What requests for dead letters may say.

use poem_openapi::registry::MetaSchema;
use readings::store::StreamId;
use serde_json::json;

use crate::parameter::{Breach, Rule};

/// Letters that a page has unless another number is asked for.
const STANDARD_PAGE: usize = 100;

/// The most letters that a page may have. Too low and a long list takes many requests; too high and
/// one answer takes much memory.
const MAX_PAGE: i64 = 1_000;

/// The most letters of a page.
pub(super) struct PageLimit;

impl Rule for PageLimit {
    type Value = usize;

    const PLACE: [&'static str; 2] = ["query", "limit"];

    #[allow(clippy::cast_precision_loss, reason = "the bounds are small")]
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(1.0),
            maximum: Some(MAX_PAGE as f64),
            default: Some(json!(STANDARD_PAGE)),
            ..MetaSchema::new("integer")
        }
    }

    fn read(text: Option<&str>) -> Result<usize, Breach> {
        let Some(text) = text else { return Ok(STANDARD_PAGE) };
        let number: i64 = text.parse().map_err(|_| no_integer())?;
        if number < 1 {
            return Err(out_of_bounds("greater_than_equal", "greater", "ge", 1));
        }
        if number > MAX_PAGE {
            return Err(out_of_bounds("less_than_equal", "less", "le", MAX_PAGE));
        }
        usize::try_from(number).map_err(|_| no_integer())
    }
}

fn no_integer() -> Breach {
    let message = "Input should be a valid integer, unable to parse string as an integer";
    Breach { code: "int_parsing", message: message.to_owned(), context: None }
}

fn out_of_bounds(code: &'static str, word: &str, bound: &str, value: i64) -> Breach {
    let message = format!("Input should be {word} than or equal to {value}");
    Breach { code, message, context: Some(json!({ bound: value })) }
}

/// The letter after which a page begins.
pub(super) struct Cursor;

impl Rule for Cursor {
    type Value = Option<StreamId>;

    const PLACE: [&'static str; 2] = ["query", "cursor"];

    fn schema() -> MetaSchema {
        // The largest that Redis gives has 20 digits, as have numbers that are too large.
        let pattern = Some("^[0-9]{1,19}-[0-9]{1,19}$".to_owned());
        MetaSchema { pattern, ..MetaSchema::new("string") }
    }

    fn read(text: Option<&str>) -> Result<Self::Value, Breach> {
        text.map(|text| text.parse().map_err(|_| no_cursor())).transpose()
    }
}

fn no_cursor() -> Breach {
    let reason = "a cursor is the `next_cursor` of a page";
    let context = Some(json!({ "error": reason }));
    Breach { code: "value_error", message: format!("Value error, {reason}"), context }
}

/// The letter that a path names; `None` for what cannot be one's id.
pub(super) struct LetterId;

impl Rule for LetterId {
    type Value = Option<StreamId>;

    const PLACE: [&'static str; 2] = ["path", "id"];
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        MetaSchema { min_length: Some(1), ..MetaSchema::new("string") }
    }

    fn read(text: Option<&str>) -> Result<Self::Value, Breach> {
        Ok(text.ok_or_else(Breach::unicode)?.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_an_integer_within_its_bounds() {
        assert_eq!(PageLimit::read(None).unwrap(), STANDARD_PAGE);
        assert_eq!(PageLimit::read(Some("1000")).unwrap(), 1_000);
        for (text, code) in [
            ("", "int_parsing"),
            ("ten", "int_parsing"),
            ("0", "greater_than_equal"),
            ("-1", "greater_than_equal"),
            ("1001", "less_than_equal"),
        ] {
            assert_eq!(PageLimit::read(Some(text)).unwrap_err().code, code, "{text:?}");
        }
    }

    #[test]
    fn a_cursor_is_the_id_of_a_letter() {
        assert_eq!(Cursor::read(None).unwrap(), None);
        assert_eq!(Cursor::read(Some("5-10")).unwrap(), Some(StreamId { ms: 5, seq: 10 }));
        for text in ["", "zzz", "5"] {
            assert_eq!(Cursor::read(Some(text)).unwrap_err().code, "value_error", "{text:?}");
        }
    }
}
