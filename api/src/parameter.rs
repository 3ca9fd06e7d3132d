//! Parameters of requests, and the validation errors of invalid ones.
//!
//! The framework reports only the first error, as a sentence about its own types. A [`Checked`] parameter never
//! fails there: it carries the value or the error, so that an operation can report all errors in the contract's form.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{Any, ParseFromParameter, ParseResult, Type};
use serde_json::{Value, json};

use crate::error_body::{ValidationErrorBody, ValidationErrorItem};
use crate::with_schema::WithSchema;

/// The longest part of an invalid parameter that an error repeats, in bytes. Too low and callers cannot find the
/// place; too high and one bad request costs a large response.
const MAX_INPUT_BYTES: usize = 512;

/// The pattern of what an id of an entry has before the stream id: the number of its partition, if the stream has several.
pub const PARTITION_PATTERN: &str = "(([1-9]?[0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5]):)?";

/// A parameter: its location, its schema and its parser.
pub trait Parameter: Send + Sync {
    /// The type that valid text is parsed into.
    type Value: Send + Sync;

    /// The part of the request and the name, as `loc` has them.
    const LOCATION: [&'static str; 2];

    /// Whether it is mandatory.
    const REQUIRED: bool = false;

    /// The schema of valid text.
    fn schema() -> MetaSchema;

    /// Parses the text: `None` when the parameter is absent, or not UTF-8.
    ///
    /// # Errors
    /// The rule that the text breaks.
    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError>;
}

/// A broken rule, with the names and sentences of pydantic.
#[derive(Debug, Clone)]
pub struct ParameterError {
    /// The rule.
    pub code: &'static str,
    /// The rule as a sentence.
    pub message: String,
    /// The rule's bounds.
    pub context: Option<Value>,
}

impl ParameterError {
    /// The text is not UTF-8.
    pub fn unicode() -> Self {
        let message =
            "Input should be a valid string, unable to parse raw data as a unicode string";
        Self { code: "string_unicode", message: message.to_owned(), context: None }
    }

    /// A rule beyond the form, with its reason in a sentence.
    pub fn value_error(reason: &str) -> Self {
        let context = Some(json!({ "error": reason }));
        Self { code: "value_error", message: format!("Value error, {reason}"), context }
    }

    /// The error with its location; `input` is null for an absent text.
    pub fn at(self, location: [&'static str; 2], text: Option<&str>) -> ValidationErrorItem {
        let truncated = |text: &str| text[..text.floor_char_boundary(MAX_INPUT_BYTES)].to_owned();
        ValidationErrorItem {
            r#type: self.code.to_owned(),
            loc: location.map(|item| WithSchema::new(json!(item))).into(),
            msg: self.message,
            input: Any(json!(text.map(truncated))),
            ctx: self.context.map(WithSchema::new),
        }
    }
}

/// Parses a whole number within bounds, both of which are included.
///
/// # Errors
/// The text is no number, or out of bounds.
pub fn integer_within(text: &str, least: i64, most: i64) -> Result<usize, ParameterError> {
    let number: i64 = text.parse().map_err(|_| not_an_integer())?;
    if number < least {
        return Err(out_of_bounds("greater_than_equal", "greater", "ge", least));
    }
    if number > most {
        return Err(out_of_bounds("less_than_equal", "less", "le", most));
    }
    usize::try_from(number).map_err(|_| not_an_integer())
}

/// The schema of such a number.
#[allow(clippy::cast_precision_loss, reason = "the bounds are small")]
pub fn integer_schema(least: i64, most: i64) -> MetaSchema {
    MetaSchema {
        minimum: Some(least as f64),
        maximum: Some(most as f64),
        ..MetaSchema::new("integer")
    }
}

fn not_an_integer() -> ParameterError {
    let message = "Input should be a valid integer, unable to parse string as an integer";
    ParameterError { code: "int_parsing", message: message.to_owned(), context: None }
}

fn out_of_bounds(code: &'static str, word: &str, bound: &str, value: i64) -> ParameterError {
    let message = format!("Input should be {word} than or equal to {value}");
    ParameterError { code, message, context: Some(json!({ bound: value })) }
}

/// The value of a parameter, or its error.
#[derive(Debug)]
pub struct Checked<P: Parameter>(pub Result<P::Value, ValidationErrorItem>);

impl<P: Parameter> Type for Checked<P> {
    const IS_REQUIRED: bool = P::REQUIRED;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "checked".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(P::schema()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl<P: Parameter> ParseFromParameter for Checked<P> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        Self::parse_from_parameters([text])
    }

    fn parse_from_parameters<I, A>(texts: I) -> ParseResult<Self>
    where
        I: IntoIterator<Item = A>,
        A: AsRef<str>,
    {
        let text = texts.into_iter().next();
        let text = text.as_ref().map(AsRef::as_ref);
        Ok(Self(P::parse(text).map_err(|error| error.at(P::LOCATION, text))))
    }
}

/// Both values, or the errors of both.
///
/// # Errors
/// One item for each error.
pub fn both<A, B>(
    first: Result<A, ValidationErrorItem>,
    second: Result<B, ValidationErrorItem>,
) -> Result<(A, B), ValidationErrorBody> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => {
            Err(ValidationErrorBody::new(first.err().into_iter().chain(second.err()).collect()))
        }
    }
}
