//! The parameter of a batch request, and the errors of requests that have too few valid rows.

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Any;
use serde_json::{Value, json};

use crate::error_body::ValidationErrorItem;
use crate::parameter::{Parameter, ParameterError};
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
