//! The parameters of aggregates, beside range and devices.

use poem_openapi::registry::MetaSchema;
use readings::energy::calendar::{Interval, MAX_BUCKETS, Zone};
use readings::energy::integration::{Integration, MaxGap};
use serde_json::json;

use crate::parameter::{Parameter, ParameterError, integer_within};

/// The most buckets of `interval=auto` without `points`. Too low and a chart is coarse; too high and short intervals,
/// which are computed from readings, are chosen where longer ones would do.
const DEFAULT_POINTS: usize = 500;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// As short as `points` permits.
    Auto,
    /// An interval.
    Of(Interval),
}

const AUTO: &str = "auto";

/// The length of a bucket.
pub(super) struct IntervalName;

impl Parameter for IntervalName {
    type Value = Length;

    const LOCATION: [&'static str; 2] = ["query", "interval"];

    fn schema() -> MetaSchema {
        let intervals = Interval::ALL.iter().map(|interval| json!(interval.to_string()));
        MetaSchema {
            enum_items: [json!(AUTO)].into_iter().chain(intervals).collect(),
            default: Some(json!(AUTO)),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: Option<&str>) -> Result<Length, ParameterError> {
        match text {
            None | Some(AUTO) => Ok(Length::Auto),
            Some(text) => text.parse().map(Length::Of).map_err(|_| {
                let names = Interval::ALL.map(|interval| format!("'{interval}'"));
                literal_error(&format!("'{AUTO}', {}", names.join(", ")))
            }),
        }
    }
}

/// The most buckets of `interval=auto`; `None` where the request does not say.
pub(super) struct Points;

impl Points {
    /// The number of a request.
    pub fn or_default(points: Option<usize>) -> usize {
        points.unwrap_or(DEFAULT_POINTS)
    }
}

impl Parameter for Points {
    type Value = Option<usize>;

    const LOCATION: [&'static str; 2] = ["query", "points"];

    #[allow(clippy::cast_precision_loss, reason = "the bounds are small")]
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(1.0),
            maximum: Some(MAX_BUCKETS as f64),
            // No default: generated clients would send it with each interval.
            ..MetaSchema::new("integer")
        }
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        let most = i64::try_from(MAX_BUCKETS).unwrap_or(i64::MAX);
        text.map(|text| integer_within(text, 1, most)).transpose()
    }
}

/// An IANA time zone.
pub(super) struct ZoneName;

impl Parameter for ZoneName {
    type Value = Zone;

    const LOCATION: [&'static str; 2] = ["query", "tz"];

    fn schema() -> MetaSchema {
        MetaSchema {
            default: Some(json!("UTC")),
            example: Some(json!("America/Los_Angeles")),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: Option<&str>) -> Result<Zone, ParameterError> {
        let Some(text) = text else { return Ok(Zone::UTC) };
        text.parse().map_err(|error| value_error(&error))
    }
}

/// The longest time over which a value holds.
pub(super) struct MaxGapText;

impl Parameter for MaxGapText {
    type Value = MaxGap;

    const LOCATION: [&'static str; 2] = ["query", "max_gap"];

    fn schema() -> MetaSchema {
        MetaSchema {
            default: Some(json!("2h")),
            pattern: Some("^[0-9]+[smhd]?$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: Option<&str>) -> Result<MaxGap, ParameterError> {
        let Some(text) = text else { return Ok(MaxGap::DEFAULT) };
        text.parse().map_err(|error| value_error(&error))
    }
}

/// Power between two readings.
pub(super) struct IntegrationName;

impl Parameter for IntegrationName {
    type Value = Integration;

    const LOCATION: [&'static str; 2] = ["query", "integration"];

    fn schema() -> MetaSchema {
        names(["step", "trapezoid"])
    }

    fn parse(text: Option<&str>) -> Result<Integration, ParameterError> {
        let Some(text) = text else { return Ok(Integration::Step) };
        text.parse().map_err(|_| literal_error("'step' or 'trapezoid'"))
    }
}

/// Whether buckets that have nothing are in the response.
pub(super) struct FillName;

impl Parameter for FillName {
    type Value = bool;

    const LOCATION: [&'static str; 2] = ["query", "fill"];

    fn schema() -> MetaSchema {
        names(["none", "null"])
    }

    fn parse(text: Option<&str>) -> Result<bool, ParameterError> {
        second(text, ["none", "null"])
    }
}

/// Whether devices are summed.
pub(super) struct CombineName;

impl Parameter for CombineName {
    type Value = bool;

    const LOCATION: [&'static str; 2] = ["query", "combine"];

    fn schema() -> MetaSchema {
        names(["none", "sum"])
    }

    fn parse(text: Option<&str>) -> Result<bool, ParameterError> {
        second(text, ["none", "sum"])
    }
}

/// One of two names, the first of which is the default.
fn names(names: [&str; 2]) -> MetaSchema {
    MetaSchema {
        enum_items: names.map(|name| json!(name)).to_vec(),
        default: Some(json!(names[0])),
        ..MetaSchema::new("string")
    }
}

/// Whether it is the second of two names.
fn second(text: Option<&str>, [first, second]: [&str; 2]) -> Result<bool, ParameterError> {
    match text {
        None => Ok(false),
        Some(text) if text == first => Ok(false),
        Some(text) if text == second => Ok(true),
        Some(_) => Err(literal_error(&format!("'{first}' or '{second}'"))),
    }
}

fn literal_error(expected: &str) -> ParameterError {
    let message = format!("Input should be {expected}");
    ParameterError {
        code: "literal_error",
        message,
        context: Some(json!({ "expected": expected })),
    }
}

fn value_error(error: &impl std::error::Error) -> ParameterError {
    ParameterError::value_error(&error.to_string())
}
