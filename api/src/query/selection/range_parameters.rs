//! The parameters of a range: `start` and `end`.

use poem_openapi::registry::MetaSchema;

use super::moment::Moment;
use crate::parameter::{Parameter, ParameterError};

/// The first instant that is included.
pub(in super::super) struct Start;

/// The first instant that is not.
pub(in super::super) struct End;

impl Parameter for Start {
    type Value = Option<Moment>;

    const LOCATION: [&'static str; 2] = ["query", "start"];

    fn schema() -> MetaSchema {
        MetaSchema::new("string")
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        moment(text)
    }
}

impl Parameter for End {
    type Value = Option<Moment>;

    const LOCATION: [&'static str; 2] = ["query", "end"];

    fn schema() -> MetaSchema {
        MetaSchema::new("string")
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        moment(text)
    }
}

fn moment(text: Option<&str>) -> Result<Option<Moment>, ParameterError> {
    let value_error =
        |error: super::moment::MomentError| ParameterError::value_error(&error.to_string());
    text.map(|text| Moment::parse(text).map_err(value_error)).transpose()
}
