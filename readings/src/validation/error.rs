//! A validation error: its location, the broken rule, and the input.

use serde_json::{Value, json};

use super::limits::{MAX_ID_BYTES, MAX_ROW_BYTES, MAX_TIMESTAMP_CHARACTERS};
use crate::iso8601::TimestampError;

/// The most bytes of the input that an error contains. Too low and a client's author cannot find the
/// place; too high and one bad request costs a large response.
const MAX_INPUT_BYTES: usize = 512;

/// A rule that the input breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationError {
    /// The place of the error.
    pub location: Location,
    /// The broken rule.
    pub kind: ErrorKind,
    /// The input at that place; long input is truncated.
    pub input: Value,
}

/// The place of an error.
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

/// The rules; their codes are pydantic's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// A member, or the whole body, is missing.
    Missing,
    /// An id is empty.
    StringTooShort,
    /// An id has more than [`MAX_ID_BYTES`] bytes.
    StringTooLong,
    /// A timestamp has more than [`MAX_TIMESTAMP_CHARACTERS`] characters.
    TimestampTooLong,
    /// A string was expected.
    StringType,
    /// A string is not a decimal number.
    FloatParsing,
    /// A number was expected.
    FloatType,
    /// The power is below zero.
    GreaterThanEqual,
    /// NaN or an infinity, also by overflow.
    FiniteNumber,
    /// An id has control characters.
    ControlCharacter,
    /// A string has half of a surrogate pair, which is not a character.
    LoneSurrogate,
    /// A timestamp breaks a rule of ISO 8601.
    Timestamp(TimestampError),
    /// A JSON object was expected.
    ObjectType,
    /// An idempotency key was used with another body.
    KeyReused,
    /// An idempotency key is not a short visible text.
    InvalidKey,
    /// The body is not JSON.
    JsonInvalid(String),
    /// The sender may not send readings of this site.
    SiteForbidden,
    /// A row has more than [`MAX_ROW_BYTES`] bytes.
    RowTooLong,
    /// An array was expected.
    ListType,
    /// A batch has no rows.
    NoRows,
    /// A row is not CSV, or the first line is no header.
    CsvInvalid(Box<str>),
    /// A line is not line protocol.
    LineInvalid(Box<str>),
}

impl ValidationError {
    /// All codes of [`ErrorKind::code`].
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
        "site_forbidden",
        "too_long",
        "list_type",
        "too_short",
        "csv_invalid",
        "line_protocol_invalid",
    ];

    /// An error; `input` is the JSON text at its place.
    #[must_use]
    pub fn new(location: Location, kind: ErrorKind, input: &str) -> Self {
        Self { location, kind, input: truncated_input(input) }
    }

    /// The field, the rule and the reason in a sentence, for logs and bodies of other shapes.
    #[must_use]
    pub fn sentence(&self) -> String {
        let message = self.kind.message();
        let reason = match &self.kind {
            ErrorKind::JsonInvalid(reason) => format!(": {reason}"),
            ErrorKind::CsvInvalid(reason) | ErrorKind::LineInvalid(reason) => format!(": {reason}"),
            _ => String::new(),
        };
        match self.location {
            Location::Field(name) | Location::Header(name) => format!("{name}: {message}{reason}"),
            Location::Body | Location::Offset(_) => format!("{message}{reason}"),
        }
    }
}

impl ErrorKind {
    /// The `type` of the error.
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
            | Self::InvalidKey => "value_error",
            Self::ObjectType => "model_attributes_type",
            Self::JsonInvalid(_) => "json_invalid",
            Self::SiteForbidden => "site_forbidden",
            Self::RowTooLong => "too_long",
            Self::ListType => "list_type",
            Self::NoRows => "too_short",
            Self::CsvInvalid(_) => "csv_invalid",
            Self::LineInvalid(_) => "line_protocol_invalid",
        }
    }

    /// The rule as a sentence for the client (`msg`).
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
            | Self::InvalidKey => {
                format!("Value error, {}", self.reason())
            }
            Self::ObjectType => {
                "Input should be a valid dictionary or object to extract fields from".to_owned()
            }
            Self::JsonInvalid(_) => "JSON decode error".to_owned(),
            Self::SiteForbidden => "The API key does not permit this site".to_owned(),
            Self::RowTooLong => format!("Row should have at most {MAX_ROW_BYTES} bytes"),
            Self::ListType => "Input should be a valid list".to_owned(),
            Self::NoRows => "List should have at least 1 item after validation, not 0".to_owned(),
            Self::CsvInvalid(_) => "CSV decode error".to_owned(),
            Self::LineInvalid(_) => "Line protocol decode error".to_owned(),
        }
    }

    /// The limits or the reason of the rule, where it has any (`ctx`).
    #[must_use]
    pub fn context(&self) -> Option<Value> {
        match self {
            Self::StringTooShort => Some(json!({ "min_length": 1 })),
            Self::StringTooLong => Some(json!({ "max_length": MAX_ID_BYTES })),
            Self::TimestampTooLong => Some(json!({ "max_length": MAX_TIMESTAMP_CHARACTERS })),
            Self::GreaterThanEqual => Some(json!({ "ge": 0.0 })),
            Self::RowTooLong => Some(json!({ "max_length": MAX_ROW_BYTES })),
            Self::NoRows => Some(json!({ "min_length": 1, "actual_length": 0 })),
            Self::ControlCharacter
            | Self::LoneSurrogate
            | Self::Timestamp(_)
            | Self::KeyReused
            | Self::InvalidKey
            | Self::JsonInvalid(_)
            | Self::CsvInvalid(_)
            | Self::LineInvalid(_) => Some(json!({ "error": self.reason() })),
            _ => None,
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::ControlCharacter => "control characters are not allowed".to_owned(),
            Self::LoneSurrogate => "half of a surrogate pair is not a character".to_owned(),
            Self::Timestamp(error) => error.to_string(),
            Self::KeyReused => "this key was used with another body".to_owned(),
            Self::InvalidKey => "a key has 1 to 255 visible ASCII characters".to_owned(),
            Self::JsonInvalid(reason) => reason.clone(),
            Self::CsvInvalid(reason) | Self::LineInvalid(reason) => reason.to_string(),
            _ => String::new(),
        }
    }
}

/// The input itself where it is short and valid JSON, otherwise its text or the beginning of that.
fn truncated_input(raw: &str) -> Value {
    if raw.len() > MAX_INPUT_BYTES {
        let end = raw.floor_char_boundary(MAX_INPUT_BYTES);
        return Value::String(format!("{}…", &raw[..end]));
    }
    serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))
}
