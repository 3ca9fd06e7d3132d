//! The parameters of a page: `limit`, `order` and `cursor`.

use poem_openapi::registry::MetaSchema;
use readings::store::series::Order;
use serde_json::json;

use super::cursor::Cursor;
use crate::parameter::{Parameter, ParameterError, integer_schema, integer_within};

/// The longest page. Too low and a long range takes many requests; too high and one response, which is in memory as a
/// whole, takes much of it.
const MAX_LIMIT: i64 = 10_000;

/// The most readings of a page.
pub(in super::super) struct PageLimit;

impl Parameter for PageLimit {
    type Value = Option<usize>;

    const LOCATION: [&'static str; 2] = ["query", "limit"];

    fn schema() -> MetaSchema {
        integer_schema(1, MAX_LIMIT)
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        text.map(|text| integer_within(text, 1, MAX_LIMIT)).transpose()
    }
}

/// The order of the readings.
pub(in super::super) struct OrderName;

impl Parameter for OrderName {
    type Value = Order;

    const LOCATION: [&'static str; 2] = ["query", "order"];

    fn schema() -> MetaSchema {
        MetaSchema {
            enum_items: vec![json!("asc"), json!("desc")],
            default: Some(json!("asc")),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: Option<&str>) -> Result<Order, ParameterError> {
        match text {
            None | Some("asc") => Ok(Order::Ascending),
            Some("desc") => Ok(Order::Descending),
            Some(_) => {
                let message = "Input should be 'asc' or 'desc'".to_owned();
                let context = Some(json!({ "expected": "'asc' or 'desc'" }));
                Err(ParameterError { code: "literal_error", message, context })
            }
        }
    }
}

/// The end of the page before.
pub(in super::super) struct CursorText;

impl Parameter for CursorText {
    type Value = Option<Cursor>;

    const LOCATION: [&'static str; 2] = ["query", "cursor"];

    fn schema() -> MetaSchema {
        MetaSchema { min_length: Some(1), ..MetaSchema::new("string") }
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        let error = || ParameterError::value_error("a cursor is the `next_cursor` of a page");
        text.map(|text| Cursor::parse(text).ok_or_else(error)).transpose()
    }
}
