//! The parameter of a batch request, and the errors of requests that have too few valid rows.

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Any;
use serde_json::{Value, json};

use crate::error_body::ValidationErrorItem;
use crate::parameter::{Parameter, ParameterError, integer_schema, integer_within};
use crate::with_schema::WithSchema;

/// Whether one invalid row rejects all.
pub(super) struct Atomic;

impl Parameter for Atomic {
    type Value = bool;

    const LOCATION: [&'static str; 2] = ["query", "atomic"];

    fn schema() -> MetaSchema {
        MetaSchema { default: Some(json!(false)), ..MetaSchema::new("boolean") }
    }

    fn parse(text: Option<&str>) -> Result<bool, ParameterError> {
        match text {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => {
                let message = "Input should be `true` or `false`".to_owned();
                Err(ParameterError { code: "bool_parsing", message, context: None })
            }
        }
    }
}

/// The most invalid rows whose errors are reported when the request does not say. Too low: a client's author corrects them
/// in many steps. Too high: one bad request costs a large response.
const DEFAULT_MAX_ERRORS: usize = 100;

/// The largest such number. Too low: a client that needs every error sends small batches. Too high: as above (a row has
/// 2 KiB of errors at most).
const MOST_ERRORS: i64 = 1_000;

/// The most invalid rows whose errors are reported; all are counted.
pub(super) struct MaxErrors;

impl Parameter for MaxErrors {
    type Value = usize;

    const LOCATION: [&'static str; 2] = ["query", "max_errors"];

    fn schema() -> MetaSchema {
        let default = Some(json!(DEFAULT_MAX_ERRORS));
        MetaSchema { default, ..integer_schema(0, MOST_ERRORS) }
    }

    fn parse(text: Option<&str>) -> Result<usize, ParameterError> {
        text.map_or(Ok(DEFAULT_MAX_ERRORS), |text| integer_within(text, 0, MOST_ERRORS))
    }
}

/// The request and a row in it have keys.
pub(super) fn two_kinds_of_keys() -> ValidationErrorItem {
    let message = "Either the request has an Idempotency-Key or its rows have keys, not both";
    error("two_kinds_of_keys", message.to_owned())
}

/// No row is valid.
pub(super) fn no_valid_row() -> ValidationErrorItem {
    error("no_valid_row", "No row is valid".to_owned())
}

/// The request is atomic and has this number of invalid rows.
pub(super) fn all_or_nothing(invalid: usize) -> ValidationErrorItem {
    let rows = if invalid == 1 { "1 row is".to_owned() } else { format!("{invalid} rows are") };
    error("invalid_rows", format!("{rows} invalid, so none was accepted (`atomic`)"))
}

fn error(code: &str, message: String) -> ValidationErrorItem {
    ValidationErrorItem {
        r#type: code.to_owned(),
        loc: vec![WithSchema::new(json!("body"))],
        msg: message,
        input: Any(Value::Null),
        ctx: None,
    }
}
