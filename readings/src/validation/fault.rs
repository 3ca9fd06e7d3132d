//! A broken rule: where, which, and what was sent instead.

use serde_json::{Value, json};

use super::{MAX_ID_BYTES, MAX_TIMESTAMP_CHARACTERS};
use crate::iso8601::TimestampFault;

/// The most bytes of the sender's input that a fault shows. Too low and senders cannot find the
/// place; too high and one bad request costs us a large answer.
const MAX_INPUT_BYTES: usize = 512;

/// A rule that the input breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Where.
    pub location: Location,
    /// Which rule.
    pub kind: FaultKind,
    /// What was sent; long input is cut.
    pub input: Value,
}

/// The place of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// The body as a whole.
    Body,
    /// A member of the body.
    Field(&'static str),
    /// A header of the request.
    Header(&'static str),
    /// A character of the body, counted from 0.
    Offset(usize),
}

/// The rules, by the names that pydantic gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// A member, or the whole body, is not there.
    Missing,
    /// An id is empty.
    StringTooShort,
    /// An id has more than [`MAX_ID_BYTES`] bytes.
    StringTooLong,
    /// A timestamp has more than [`MAX_TIMESTAMP_CHARACTERS`] characters.
    TimestampTooLong,
    /// A string was expected.
    StringType,
    /// A string that is no decimal number.
    FloatParsing,
    /// A number was expected.
    FloatType,
    /// The power is below zero.
    GreaterThanEqual,
    /// NaN or an infinity, also by overflow.
    FiniteNumber,
    /// An id has control characters.
    ControlCharacter,
    /// A string has half of a surrogate pair, which is no character.
    LoneSurrogate,
    /// A timestamp breaks a rule of ISO 8601.
    Timestamp(TimestampFault),
    /// A JSON object was expected.
    ObjectType,
    /// An idempotency key was used with another body.
    KeyReused,
    /// An idempotency key is no short visible text.
    KeyType,
    /// The body is no JSON.
    JsonInvalid(String),
}

impl Fault {
    /// All the codes that [`FaultKind::code`] gives.
    pub const CODES: &[&str] = &[
        "missing",
        "string_too_short",
        "string_too_long",
        "string_type",
        "float_parsing",
        "float_type",
        "greater_than_equal",
        "finite_number",
        "value_error",
        "model_attributes_type",
        "json_invalid",
    ];

    /// Notes a fault; `input` is the JSON text that was sent.
    #[must_use]
    pub fn new(location: Location, kind: FaultKind, input: &str) -> Self {
        Self { location, kind, input: shown(input) }
    }
}

impl FaultKind {
    /// The `type` of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::StringTooShort => "string_too_short",
            Self::StringTooLong | Self::TimestampTooLong => "string_too_long",
            Self::StringType => "string_type",
            Self::FloatParsing => "float_parsing",
            Self::FloatType => "float_type",
            Self::GreaterThanEqual => "greater_than_equal",
            Self::FiniteNumber => "finite_number",
            Self::ControlCharacter
            | Self::LoneSurrogate
            | Self::Timestamp(_)
            | Self::KeyReused
            | Self::KeyType => "value_error",
            Self::ObjectType => "model_attributes_type",
            Self::JsonInvalid(_) => "json_invalid",
        }
    }

    /// The rule as a sentence to the sender.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Missing => "Field required".to_owned(),
            Self::StringTooShort => "String should have at least 1 character".to_owned(),
            Self::StringTooLong => format!("String should have at most {MAX_ID_BYTES} bytes"),
            Self::TimestampTooLong => {
                format!("String should have at most {MAX_TIMESTAMP_CHARACTERS} characters")
            }
            Self::StringType => "Input should be a valid string".to_owned(),
            Self::FloatParsing => {
                "Input should be a valid number, unable to parse string as a number".to_owned()
            }
            Self::FloatType => "Input should be a valid number".to_owned(),
            Self::GreaterThanEqual => "Input should be greater than or equal to 0".to_owned(),
            Self::FiniteNumber => "Input should be a finite number".to_owned(),
            Self::ControlCharacter
            | Self::LoneSurrogate
            | Self::Timestamp(_)
            | Self::KeyReused
            | Self::KeyType => {
                format!("Value error, {}", self.reason())
            }
            Self::ObjectType => {
                "Input should be a valid dictionary or object to extract fields from".to_owned()
            }
            Self::JsonInvalid(_) => "JSON decode error".to_owned(),
        }
    }

    /// The bounds and reasons behind the rule, where it has any.
    #[must_use]
    pub fn context(&self) -> Option<Value> {
        match self {
            Self::StringTooShort => Some(json!({ "min_length": 1 })),
            Self::StringTooLong => Some(json!({ "max_length": MAX_ID_BYTES })),
            Self::TimestampTooLong => Some(json!({ "max_length": MAX_TIMESTAMP_CHARACTERS })),
            Self::GreaterThanEqual => Some(json!({ "ge": 0.0 })),
            Self::ControlCharacter
            | Self::LoneSurrogate
            | Self::Timestamp(_)
            | Self::KeyReused
            | Self::KeyType
            | Self::JsonInvalid(_) => Some(json!({ "error": self.reason() })),
            _ => None,
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::ControlCharacter => "control characters are not allowed".to_owned(),
            Self::LoneSurrogate => "half of a surrogate pair is not a character".to_owned(),
            Self::Timestamp(fault) => fault.to_string(),
            Self::KeyReused => "this key was used with another body".to_owned(),
            Self::KeyType => "a key has 1 to 255 visible ASCII characters".to_owned(),
            Self::JsonInvalid(reason) => reason.clone(),
            _ => String::new(),
        }
    }
}

/// The input as it is shown: itself when it is short and can be shown, else (part of) its text.
fn shown(raw: &str) -> Value {
    if raw.len() > MAX_INPUT_BYTES {
        let end = raw.floor_char_boundary(MAX_INPUT_BYTES);
        return Value::String(format!("{}…", &raw[..end]));
    }
    serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))
}
