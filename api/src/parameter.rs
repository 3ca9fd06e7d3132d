//! Parameters of requests, and what is told of those that break a rule.
//!
//! The framework answers the first fault only, in a sentence about its own types. A [`Checked`]
//! parameter can always be read, and leaves it to the operation to tell all faults in the shape of
//! the contract.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{Any, ParseFromParameter, ParseResult, Type};
use serde_json::{Value, json};

use crate::error_body::{ValidationErrorBody, ValidationErrorItem};
use crate::with_schema::Shaped;

/// A parameter: its place, and what is valid there.
pub trait Rule: Send + Sync {
    /// What valid text means.
    type Value: Send + Sync;

    /// The part of the request and the name, as `loc` has them.
    const PLACE: [&'static str; 2];

    /// Whether a request needs it.
    const REQUIRED: bool = false;

    /// What valid text looks like.
    fn schema() -> MetaSchema;

    /// Reads the text: `None` when it was not sent, or is not UTF-8.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn read(text: Option<&str>) -> Result<Self::Value, Breach>;
}

/// A broken rule, named and put as pydantic does.
#[derive(Debug, Clone)]
pub struct Breach {
    /// The rule.
    pub code: &'static str,
    /// The rule as a sentence.
    pub message: String,
    /// Its bounds.
    pub context: Option<Value>,
}

impl Breach {
    /// The text is not UTF-8.
    pub fn unicode() -> Self {
        let message =
            "Input should be a valid string, unable to parse raw data as a unicode string";
        Self { code: "string_unicode", message: message.to_owned(), context: None }
    }
}

/// A parameter as it was sent.
#[derive(Debug)]
pub struct Checked<R: Rule>(pub Result<R::Value, ValidationErrorItem>);

/// The most bytes of a parameter that a fault shows. Too low and callers cannot find the place; too
/// high and one bad request costs a large answer.
const MAX_INPUT_BYTES: usize = 512;

impl ValidationErrorItem {
    /// A parameter breaks a rule; without a text its input is null.
    fn of_parameter(place: [&'static str; 2], breach: Breach, text: Option<&str>) -> Self {
        let cut = |text: &str| text[..text.floor_char_boundary(MAX_INPUT_BYTES)].to_owned();
        Self {
            r#type: breach.code.to_owned(),
            loc: place.map(|step| Shaped::new(json!(step))).into(),
            msg: breach.message,
            input: Any(json!(text.map(cut))),
            ctx: breach.context.map(Shaped::new),
        }
    }
}

impl<R: Rule> Type for Checked<R> {
    const IS_REQUIRED: bool = R::REQUIRED;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "checked".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(R::schema()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl<R: Rule> ParseFromParameter for Checked<R> {
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
        let fault = |breach| ValidationErrorItem::of_parameter(R::PLACE, breach, text);
        Ok(Self(R::read(text).map_err(fault)))
    }
}

/// Both values, or the faults of both.
///
/// # Errors
/// One item for each fault.
pub fn both<A, B>(
    one: Result<A, ValidationErrorItem>,
    other: Result<B, ValidationErrorItem>,
) -> Result<(A, B), ValidationErrorBody> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (one, other) => {
            Err(ValidationErrorBody::new(one.err().into_iter().chain(other.err()).collect()))
        }
    }
}
