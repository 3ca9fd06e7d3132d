//! The bodies of errors. A body contains neither an address nor a stack trace ([`crate::error_code`] has the rules).

use instrumentation::request_id;
use poem::Response;
use poem::http::{HeaderValue, StatusCode, header};
use poem_openapi::Object;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{Any, ToJSON};
use readings::validation::{Location, ValidationError};
use serde_json::{Value, json};

use crate::error_code::ErrorCode;
use crate::with_schema::{AnyObject, JsonSchema, WithSchema};

// The names of schemas are those of earlier releases: generated clients have types of these names.

/// An error in one sentence.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Problem")]
pub struct ErrorBody {
    /// What went wrong, and what to do about it.
    pub detail: String,
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// The request's `X-Request-Id`; the log lines of the service about this request have it, too.
    pub request_id: String,
}

/// Every validation error of a request.
#[derive(Debug, Clone, Object)]
#[oai(rename = "ValidationProblem")]
pub struct ValidationErrorBody {
    /// One item for each error, in field order.
    pub detail: Vec<ValidationErrorItem>,
    /// Always `validation_failed`.
    pub code: ErrorCode,
    /// The request's `X-Request-Id`; the log lines of the service about this request have it, too.
    pub request_id: String,
}

/// A rule that a request breaks.
#[derive(Debug, Clone, Object)]
#[oai(rename = "ValidationFault")]
pub struct ValidationErrorItem {
    /// The rule, such as `missing`, `string_too_long`, `greater_than_equal` or `json_invalid`.
    pub r#type: String,
    /// The location: `["body", "<field>"]`, `["query", "<name>"]`, `["path", "<name>"]` or
    /// `["header", "<name>"]`; `["body", <character>]` for malformed JSON, and `["body"]` for the whole body.
    pub loc: Vec<WithSchema<LocationItem>>,
    /// The rule as a sentence.
    pub msg: String,
    /// The input at that location; long input is truncated.
    pub input: Any<Value>,
    /// Bounds of the rule.
    #[oai(skip_serializing_if_is_none)]
    pub ctx: Option<WithSchema<AnyObject>>,
}

/// An item of a location: a name, or the index of a character.
#[derive(Debug, Clone)]
pub struct LocationItem;

impl JsonSchema for LocationItem {
    fn schema() -> MetaSchema {
        let kind = |name| MetaSchemaRef::Inline(Box::new(MetaSchema::new(name)));
        MetaSchema { any_of: vec![kind("string"), kind("integer")], ..MetaSchema::ANY }
    }
}

impl ErrorBody {
    /// The body of an error of the current request.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), code, request_id: current_request_id() }
    }

    /// The same for this request, where its id is not in scope.
    #[must_use]
    pub(crate) fn with_request_id(self, id: &HeaderValue) -> Self {
        Self { request_id: text(id), ..self }
    }

    /// The whole response, for errors outside of the documented operations.
    #[must_use]
    pub fn response(self, status: StatusCode) -> Response {
        json_response(status, &self.to_json().unwrap_or_default())
    }
}

impl ValidationErrorBody {
    pub(crate) fn new(detail: Vec<ValidationErrorItem>) -> Self {
        Self { detail, code: ErrorCode::ValidationFailed, request_id: current_request_id() }
    }
}

fn current_request_id() -> String {
    request_id::current().as_ref().map(text).unwrap_or_default()
}

// Err: never, a request id is visible ASCII ([`crate::middleware`]).
fn text(id: &HeaderValue) -> String {
    id.to_str().unwrap_or_default().to_owned()
}

impl From<ValidationErrorItem> for ValidationErrorBody {
    fn from(error: ValidationErrorItem) -> Self {
        Self::new(vec![error])
    }
}

impl From<Vec<ValidationError>> for ValidationErrorBody {
    fn from(errors: Vec<ValidationError>) -> Self {
        Self::new(errors.into_iter().map(Into::into).collect())
    }
}

impl From<ValidationError> for ValidationErrorItem {
    fn from(error: ValidationError) -> Self {
        let loc = match error.location {
            Location::Body => vec![json!("body")],
            Location::Field(name) => vec![json!("body"), json!(name)],
            Location::Offset(offset) => vec![json!("body"), json!(offset)],
            Location::Header(name) => vec![json!("header"), json!(name)],
        };
        Self {
            r#type: error.kind.code().to_owned(),
            loc: loc.into_iter().map(WithSchema::new).collect(),
            msg: error.kind.message(),
            input: Any(error.input),
            ctx: error.kind.context().map(WithSchema::new),
        }
    }
}

pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.to_string())
}
