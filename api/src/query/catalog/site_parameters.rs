//! The parameters of the list of sites: their errors, and the page that they mean.

use poem_openapi::registry::MetaSchema;
use serde_json::json;

use super::site_cursor::SiteCursor;
use crate::error_body::ValidationErrorItem;
use crate::parameter::{Checked, Parameter, ParameterError, integer_within};

/// The names of the parameters.
pub(super) const PARAMETERS: [&str; 4] = ["prefix", "limit", "cursor", "after"];

/// The longest page, and that of a request without a limit. Too low and a long list takes many requests; too high and one
/// response takes much memory.
const MAX_LIMIT: i64 = 1_000;
const DEFAULT_LIMIT: usize = 1_000;

/// The longest prefix in characters, as schemas count: a site's id has 256 bytes. Too low: an id cannot be written out;
/// too high: it matches nothing.
const MAX_PREFIX_CHARACTERS: usize = 256;

/// What the ids begin with.
pub(super) struct Prefix;

impl Parameter for Prefix {
    type Value = String;

    const LOCATION: [&'static str; 2] = ["query", "prefix"];

    fn schema() -> MetaSchema {
        MetaSchema { max_length: Some(MAX_PREFIX_CHARACTERS), ..MetaSchema::new("string") }
    }

    fn parse(text: Option<&str>) -> Result<String, ParameterError> {
        let text = text.unwrap_or_default();
        if text.chars().count() <= MAX_PREFIX_CHARACTERS {
            return Ok(text.to_owned());
        }
        let message = format!("String should have at most {MAX_PREFIX_CHARACTERS} characters");
        let context = Some(json!({ "max_length": MAX_PREFIX_CHARACTERS }));
        Err(ParameterError { code: "string_too_long", message, context })
    }
}

/// The most sites of a page.
pub(super) struct PageLimit;

impl Parameter for PageLimit {
    type Value = usize;

    const LOCATION: [&'static str; 2] = ["query", "limit"];

    #[allow(clippy::cast_precision_loss, reason = "the bounds are small")]
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(1.0),
            maximum: Some(MAX_LIMIT as f64),
            default: Some(json!(DEFAULT_LIMIT)),
            ..MetaSchema::new("integer")
        }
    }

    fn parse(text: Option<&str>) -> Result<usize, ParameterError> {
        text.map_or(Ok(DEFAULT_LIMIT), |text| integer_within(text, 1, MAX_LIMIT))
    }
}

/// The end of the page before.
pub(super) struct CursorText;

impl Parameter for CursorText {
    type Value = Option<SiteCursor>;

    const LOCATION: [&'static str; 2] = ["query", "cursor"];

    fn schema() -> MetaSchema {
        MetaSchema { min_length: Some(1), ..MetaSchema::new("string") }
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        let error = || ParameterError::value_error("a cursor is the `next_cursor` of a page");
        text.map(|text| SiteCursor::parse(text).ok_or_else(error)).transpose()
    }
}

/// The last site of the page before, as earlier releases have it.
pub(super) struct After;

impl Parameter for After {
    type Value = Option<String>;

    const LOCATION: [&'static str; 2] = ["query", "after"];

    fn schema() -> MetaSchema {
        MetaSchema::new("string")
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
    }
}

/// The parameters, as sent.
pub(super) struct SentParameters {
    pub prefix: Checked<Prefix>,
    pub limit: Checked<PageLimit>,
    pub cursor: Checked<CursorText>,
    pub after: Checked<After>,
}

/// A valid request.
#[derive(Debug)]
pub(super) struct SiteRequest {
    pub prefix: String,
    pub limit: usize,
    /// The site that the page follows.
    pub after: Option<String>,
}

impl SiteRequest {
    /// The request that the parameters mean.
    ///
    /// # Errors
    /// One item for each error, those that are given first.
    pub fn new(
        sent: SentParameters,
        mut errors: Vec<ValidationErrorItem>,
    ) -> Result<Self, Vec<ValidationErrorItem>> {
        let prefix = valid(sent.prefix, &mut errors).unwrap_or_default();
        let limit = valid(sent.limit, &mut errors).unwrap_or(DEFAULT_LIMIT);
        let cursor = valid(sent.cursor, &mut errors).flatten();
        let after = valid(sent.after, &mut errors).flatten();
        if let Some(cursor) = &cursor {
            errors.extend(misuse(cursor, &prefix, after.as_deref()));
        }
        let after = cursor.map(|cursor| cursor.after).or(after);
        if errors.is_empty() { Ok(Self { prefix, limit, after }) } else { Err(errors) }
    }
}

fn misuse(cursor: &SiteCursor, prefix: &str, after: Option<&str>) -> Option<ValidationErrorItem> {
    let reason = if !cursor.is_of(prefix) {
        "the cursor is of a request with another prefix"
    } else if after.is_some() {
        "a page begins after a cursor or after a site, not both"
    } else {
        return None;
    };
    Some(ParameterError::value_error(reason).at(CursorText::LOCATION, None))
}

fn valid<P: Parameter>(
    checked: Checked<P>,
    errors: &mut Vec<ValidationErrorItem>,
) -> Option<P::Value> {
    checked.0.map_err(|error| errors.push(error)).ok()
}
