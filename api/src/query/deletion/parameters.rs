//! Parameters of deletions.

use poem_openapi::registry::MetaSchema;
use readings::Instant;
use readings::store::StreamId;

use crate::error_body::ValidationErrorBody;
use crate::parameter::{Checked, Parameter, ParameterError, both};
use crate::query::selection::{End, Moment, Start};

/// The `stream_id` of a reading in a path; `None` for text that is not an entry id.
pub(super) struct ReadingId;

impl Parameter for ReadingId {
    type Value = Option<StreamId>;

    const LOCATION: [&'static str; 2] = ["path", "stream_id"];
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        MetaSchema { min_length: Some(1), ..MetaSchema::new("string") }
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        Ok(text.ok_or_else(ParameterError::unicode)?.parse().ok())
    }
}

/// The first instant that is deleted.
pub(super) struct RangeStart;

/// The first instant that is not.
pub(super) struct RangeEnd;

impl Parameter for RangeStart {
    type Value = Instant;

    const LOCATION: [&'static str; 2] = Start::LOCATION;
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        Start::schema()
    }

    fn parse(text: Option<&str>) -> Result<Instant, ParameterError> {
        required(Start::parse(text)?)
    }
}

impl Parameter for RangeEnd {
    type Value = Instant;

    const LOCATION: [&'static str; 2] = End::LOCATION;
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        End::schema()
    }

    fn parse(text: Option<&str>) -> Result<Instant, ParameterError> {
        required(End::parse(text)?)
    }
}

/// The instant of a moment that must be there.
fn required(moment: Option<Moment>) -> Result<Instant, ParameterError> {
    let missing =
        ParameterError { code: "missing", message: "Field required".to_owned(), context: None };
    let out_of_range = || ParameterError::value_error("the years are 0001 to 9999");
    moment.ok_or(missing)?.instant().ok_or_else(out_of_range)
}

/// Both bounds, the start not after the end.
pub(super) fn both_bounds(
    start: Checked<RangeStart>,
    end: Checked<RangeEnd>,
) -> Result<(Instant, Instant), ValidationErrorBody> {
    let (start, end) = both(start.0, end.0)?;
    if start > end {
        let error = ParameterError::value_error("the start must not be after the end");
        return Err(error.at(Start::LOCATION, None).into());
    }
    Ok((start, end))
}
