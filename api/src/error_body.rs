//! The bodies of failures. No body names an address or a stack trace.

use poem::Response;
use poem::http::{StatusCode, header};
use poem_openapi::Object;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{Any, ToJSON};
use readings::validation::{Fault, Location};
use serde_json::{Value, json};

use crate::with_schema::{AnyObject, Shape, Shaped};

/// A failure in one sentence.
#[derive(Debug, Clone, Object)]
pub struct Problem {
    /// What went wrong, and what to do about it.
    pub detail: String,
}

/// All that is wrong with a request.
#[derive(Debug, Clone, Object)]
pub struct ValidationProblem {
    /// One item for each fault, in field order.
    pub detail: Vec<ValidationFault>,
}

/// A rule that a request breaks.
#[derive(Debug, Clone, Object)]
pub struct ValidationFault {
    /// The rule, such as `missing`, `string_too_long`, `greater_than_equal` or `json_invalid`.
    pub r#type: String,
    /// Where: `["body", "<field>"]`, `["query", "<name>"]`, `["path", "<name>"]` or
    /// `["header", "<name>"]`; `["body", <character>]` for malformed JSON, and `["body"]` for all of it.
    pub loc: Vec<Shaped<Step>>,
    /// The rule as a sentence.
    pub msg: String,
    /// What was sent there; long input is cut.
    pub input: Any<Value>,
    /// Bounds of the rule.
    #[oai(skip_serializing_if_is_none)]
    pub ctx: Option<Shaped<AnyObject>>,
}

/// A step on the way to a fault: a name, or the number of a character.
#[derive(Debug, Clone)]
pub struct Step;

impl Shape for Step {
    fn schema() -> MetaSchema {
        let kind = |name| MetaSchemaRef::Inline(Box::new(MetaSchema::new(name)));
        MetaSchema { any_of: vec![kind("string"), kind("integer")], ..MetaSchema::ANY }
    }
}

impl From<ValidationFault> for ValidationProblem {
    fn from(fault: ValidationFault) -> Self {
        Self { detail: vec![fault] }
    }
}

impl Problem {
    /// A failure in one sentence.
    pub fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into() }
    }

    /// The whole answer, for failures outside of the documented operations.
    #[must_use]
    pub fn response(self, status: StatusCode) -> Response {
        json_response(status, &self.to_json().unwrap_or_default())
    }
}

impl From<Vec<Fault>> for ValidationProblem {
    fn from(faults: Vec<Fault>) -> Self {
        Self { detail: faults.into_iter().map(Into::into).collect() }
    }
}

impl From<Fault> for ValidationFault {
    fn from(fault: Fault) -> Self {
        let loc = match fault.location {
            Location::Body => vec![json!("body")],
            Location::Field(name) => vec![json!("body"), json!(name)],
            Location::Offset(offset) => vec![json!("body"), json!(offset)],
            Location::Header(name) => vec![json!("header"), json!(name)],
        };
        Self {
            r#type: fault.kind.code().to_owned(),
            loc: loc.into_iter().map(Shaped::new).collect(),
            msg: fault.kind.message(),
            input: Any(fault.input),
            ctx: fault.kind.context().map(Shaped::new),
        }
    }
}

pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.to_string())
}
