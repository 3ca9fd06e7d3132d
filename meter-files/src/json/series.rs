//! Where the records of a document are.

use serde_json::Value;

use crate::error::FileError;

/// Records of one series, and where they are (RFC 6901).
#[derive(Debug)]
pub struct Series<'a> {
    /// Where the array is; empty for the document itself.
    pub pointer: String,
    /// Objects, or arrays of values.
    pub records: &'a [Value],
}

/// The series at a pointer; without one the largest series, if no other one beside it has the same members.
///
/// # Errors
/// When there are no records, or it is unclear which are meant.
pub fn find<'a>(document: &'a Value, pointer: Option<&str>) -> Result<Series<'a>, FileError> {
    if let Some(pointer) = pointer {
        let found = document.pointer(pointer).and_then(Value::as_array);
        let records =
            found.ok_or_else(|| FileError::shape(format!("there is no array at `{pointer}`")))?;
        return Ok(Series { pointer: pointer.to_owned(), records });
    }
    let mut all = Vec::new();
    collect(document, String::new(), &mut all);
    let largest = all.iter().max_by_key(|series| series.records.len());
    let Some(largest) = largest else {
        return Err(FileError::shape("the JSON has no array of records"));
    };
    if let Some(other) = all.iter().find(|other| is_alike(largest, other)) {
        let question = format!(
            "the JSON has several series of records, at `{}` and `{}`",
            largest.pointer, other.pointer
        );
        return Err(FileError::unclear(
            question,
            "a profile with `records = \"/…\"`: --profile FILE.toml",
        ));
    }
    Ok(Series { pointer: largest.pointer.clone(), records: largest.records })
}

fn collect<'a>(value: &'a Value, pointer: String, all: &mut Vec<Series<'a>>) {
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                collect(item, format!("{pointer}/{place}"), all);
            }
            if are_records(items) {
                all.push(Series { pointer, records: items });
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(member, format!("{pointer}/{name}"), all);
            }
        }
        _ => {}
    }
}

/// Objects, or arrays of a time and values.
fn are_records(items: &[Value]) -> bool {
    let is_row = |item: &Value| {
        item.as_array().is_some_and(|row| row.len() > 1 && !row.iter().any(is_nested))
    };
    !items.is_empty() && (items.iter().all(Value::is_object) || items.iter().all(is_row))
}

fn is_nested(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

/// Whether another series is neither in this one nor around it, and has the same members.
fn is_alike(series: &Series<'_>, other: &Series<'_>) -> bool {
    let is_inside = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_beside =
        !is_inside(&series.pointer, &other.pointer) && !is_inside(&other.pointer, &series.pointer);
    is_beside && members(series) == members(other)
}

fn members<'a>(series: &Series<'a>) -> Vec<&'a str> {
    let first = series.records.first().and_then(Value::as_object);
    let mut names: Vec<_> =
        first.into_iter().flat_map(|record| record.keys().map(String::as_str)).collect();
    names.sort_unstable();
    names
}
