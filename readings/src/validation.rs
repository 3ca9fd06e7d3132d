//! Validation of readings in a request body.
//!
//! All errors are reported at once, in field order, with the types of the original (pydantic's).
//!
//! | part | what it owns |
//! |---|---|
//! | [`parse_reading`] | the JSON body of one reading |
//! | [`JsonRows`], [`NdjsonRows`] | bodies with many |
//! | [`RowKey`] | the idempotency key of a row in them |
//! | [`parse_fields`], `rules` | a reading of texts, as in CSV; the rules of its members |
//! | [`Measurement`] | a reading of values, as receivers map it |
//! | `json`, `encoding` | JSON as Python reads it |
//! | [`ValidationError`], `limits` | errors, limits |

mod body;
mod encoding;
mod error;
mod fields;
mod json;
mod json_rows;
mod limits;
mod measurement;
mod ndjson_rows;
mod parsed_row;
mod row_key;
mod rules;

pub use self::body::parse_reading;
pub use self::error::{ErrorKind, Location, ValidationError};
pub use self::fields::parse_fields;
pub use self::json_rows::JsonRows;
pub use self::limits::{MAX_ID_BYTES, MAX_ROW_BYTES, MAX_TIMESTAMP_CHARACTERS};
pub use self::measurement::Measurement;
pub use self::ndjson_rows::NdjsonRows;
pub use self::parsed_row::ParsedRow;
pub use self::row_key::{MAX_KEY_BYTES, RowKey, is_key};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
