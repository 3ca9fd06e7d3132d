//! The last event that a client has: a header, and a parameter for clients that cannot set the header.

use super::positions::Positions;
use crate::parameter::{PARTITION_PATTERN, Parameter, ParameterError};
use poem_openapi::registry::MetaSchema;

/// The header, which browsers set when they reconnect (HTML standard, 9.2.4).
pub(super) const HEADER: &str = "Last-Event-ID";

/// As header.
pub(super) struct LastEventIdHeader;

/// As parameter of the query.
pub(super) struct LastEventIdParameter;

fn schema() -> MetaSchema {
    let position = format!("{PARTITION_PATTERN}[0-9]{{1,20}}-[0-9]{{1,20}}");
    let pattern = Some(format!("^{position}(,{position})*$"));
    MetaSchema { pattern, ..MetaSchema::new("string") }
}

fn parse(text: Option<&str>) -> Result<Option<Positions>, ParameterError> {
    let error = || {
        ParameterError::value_error("an event id is the id of an event, such as 1705314600000-0")
    };
    text.map(|text| text.parse().map_err(|_| error())).transpose()
}

impl Parameter for LastEventIdHeader {
    type Value = Option<Positions>;

    const LOCATION: [&'static str; 2] = ["header", HEADER];

    fn schema() -> MetaSchema {
        schema()
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        parse(text)
    }
}

impl Parameter for LastEventIdParameter {
    type Value = Option<Positions>;

    const LOCATION: [&'static str; 2] = ["query", "last_event_id"];

    fn schema() -> MetaSchema {
        schema()
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        parse(text)
    }
}
