//! The header `Idempotency-Key`.

use poem::Request;
use poem::http::{HeaderName, HeaderValue};
use poem_openapi::registry::MetaSchema;
use readings::validation::{ErrorKind, Location, MAX_KEY_BYTES, ValidationError};
use serde_json::Value;

use crate::parameter::{Parameter, ParameterError};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// The same, without parsing the name for each request.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Documents the header; [`sent`] reads it.
pub(super) struct IdempotencyKeyHeader;

impl Parameter for IdempotencyKeyHeader {
    type Value = ();

    const LOCATION: [&'static str; 2] = ["header", IDEMPOTENCY_KEY];

    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(MAX_KEY_BYTES),
            pattern: Some("^[!-~]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn parse(_text: Option<&str>) -> Result<(), ParameterError> {
        Ok(())
    }
}

/// The header as it was sent, several joined as RFC 9110 (5.3) has it.
///
/// Not the framework's parameter: that ignores a header that is not ASCII, and all but the first, so that a
/// sender would rely on a key that was never used.
pub(super) fn sent(request: &Request) -> Option<String> {
    let sent = request.headers().get_all(HEADER).into_iter();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    sent.map(text).reduce(|first, second| format!("{first}, {second}"))
}

/// An error of the header.
pub(super) fn error(kind: ErrorKind, key: &str) -> ValidationError {
    ValidationError::new(Location::Header(IDEMPOTENCY_KEY), kind, &Value::from(key).to_string())
}
