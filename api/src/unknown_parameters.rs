//! Parameters that an operation does not have: a misspelt one would be without effect.

use poem::Request;
use poem_openapi::types::Any;
use serde_json::json;

use crate::error_body::ValidationErrorItem;
use crate::with_schema::WithSchema;

/// How alike a name must be to be suggested, from 0 to 1 (Jaro-Winkler). Too low: nonsense is suggested. Too high: usual
/// typing errors are not recognised.
const MIN_SIMILARITY: f64 = 0.8;

/// The most parameters that are reported. Too high: one bad request costs a large response.
const MAX_REPORTED: usize = 10;

/// An error for each parameter of the query that is not known.
pub(crate) fn unknown_parameters(
    request: &Request,
    known: &[&'static str],
) -> Vec<ValidationErrorItem> {
    if request.uri().query().is_none() {
        return Vec::new();
    }
    // Err: the query is not UTF-8; then a known parameter that is not is an error of its own.
    let sent: Vec<(String, String)> = request.params().unwrap_or_default();
    let unknown = sent.into_iter().filter(|(name, _)| !known.contains(&name.as_str()));
    unknown.take(MAX_REPORTED).map(|(name, value)| error(&name, &value, known)).collect()
}

fn error(name: &str, value: &str, known: &[&'static str]) -> ValidationErrorItem {
    let hint = match nearest(name, known) {
        Some(nearest) => format!("; is `{nearest}` meant?"),
        None if known.is_empty() => String::new(),
        None => format!("; permitted are `{}`", known.join("`, `")),
    };
    ValidationErrorItem {
        r#type: "extra_forbidden".to_owned(),
        loc: vec![WithSchema::new(json!("query")), WithSchema::new(json!(truncated(name)))],
        msg: format!("Extra inputs are not permitted{hint}"),
        input: Any(json!(truncated(value))),
        ctx: None,
    }
}

/// The known parameter that an unknown one of the query resembles.
pub(crate) fn misspelt(request: &Request, known: &[&'static str]) -> Option<&'static str> {
    request.uri().query()?;
    let sent: Vec<(String, String)> = request.params().ok()?;
    let unknown = sent.into_iter().filter(|(name, _)| !known.contains(&name.as_str()));
    unknown.take(MAX_REPORTED).find_map(|(name, _)| nearest(&name, known))
}

fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let name = name.to_lowercase();
    let similarity = |known: &&'static str| (*known, strsim::jaro_winkler(&name, known));
    let nearest = known.iter().map(similarity).max_by(|a, b| a.1.total_cmp(&b.1));
    nearest.filter(|(_, similarity)| *similarity >= MIN_SIMILARITY).map(|(known, _)| known)
}

/// Names and values are repeated up to this length, in bytes.
const MAX_INPUT_BYTES: usize = 100;

fn truncated(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_INPUT_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_parameter_is_an_error_that_names_the_right_one() {
        let errors = |query: &str| {
            let uri = format!("/readings/batch?{query}").parse().unwrap();
            let request = Request::builder().uri(uri).finish();
            let errors = unknown_parameters(&request, &["atomic"]);
            errors.into_iter().map(|error| error.msg).collect::<Vec<_>>()
        };
        assert_eq!(errors("atomic=true"), [""; 0]);
        let hint = "Extra inputs are not permitted; is `atomic` meant?";
        assert_eq!(errors("atomc=true&Atomic=1"), [hint, hint]);
        assert_eq!(errors("x=1"), ["Extra inputs are not permitted; permitted are `atomic`"]);
    }
}
