//! Completes the OpenAPI document of the framework.
//!
//! The framework writes `OpenAPI` 3.0, in which a reference has no description and is never null. It works around that
//! with `allOf`, which some client generators cannot read. In 3.1 a schema is JSON Schema 2020-12 and needs no
//! workaround.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::merged_paths::merged_paths;
use super::{responses, security};
use crate::error_code::ErrorCode;

/// The completed document, indented.
pub(super) fn completed(document: &str) -> String {
    let paths = merged_paths(document);
    let mut document: Value = serde_json::from_str(document).unwrap_or_default();
    document["paths"] = Value::Object(paths);
    document["openapi"] = json!("3.1.0");
    complete_schemas(&mut document);
    describe_error_codes(&mut document);
    responses::complete(&mut document);
    security::complete(&mut document);
    drop_unused_tags(&mut document);
    format!("{document:#}\n")
}

/// The framework does not describe the values of an enum.
fn describe_error_codes(document: &mut Value) {
    if let Some(schema) = document.pointer_mut("/components/schemas/ErrorCode") {
        let item = |(code, meaning): &(ErrorCode, &str)| format!("\n- `{}`,{meaning}", code.name());
        let items: String = ErrorCode::MEANINGS.iter().map(item).collect();
        let description = schema["description"].as_str().unwrap_or_default();
        schema["description"] = json!(format!("{description}\n{items}"));
    }
}

/// Inner schemas first: the outer ones depend on the result.
fn complete_schemas(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(complete_schemas),
        Value::Object(members) => {
            members.values_mut().for_each(complete_schemas);
            require_nullable_properties(members);
            unwrap_reference(members);
            if let Some(example) = members.shift_remove("example") {
                members.insert("examples".to_owned(), json!([example]));
            }
        }
        _ => {}
    }
}

/// A nullable property is always present.
fn require_nullable_properties(schema: &mut Map<String, Value>) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let nullable = properties.iter_mut().filter_map(|(name, property)| {
        let nullable = allow_null(property.as_object_mut()?);
        nullable.then(|| json!(name))
    });
    let nullable: Vec<_> = nullable.collect();
    if nullable.is_empty() {
        return;
    }
    if let Some(required) = schema.entry("required").or_insert(json!([])).as_array_mut() {
        let missing: Vec<_> = nullable.into_iter().filter(|it| !required.contains(it)).collect();
        required.extend(missing);
    }
}

/// Replaces `nullable` by JSON Schema's type null; returns whether the schema had it.
fn allow_null(schema: &mut Map<String, Value>) -> bool {
    if schema.shift_remove("nullable").is_none() {
        return false;
    }
    if let Some(reference) = schema.shift_remove("$ref") {
        schema.insert("oneOf".to_owned(), json!([{ "$ref": reference }, { "type": "null" }]));
    } else if let Some(kind) = schema.get("type").cloned() {
        schema.insert("type".to_owned(), json!([kind, "null"]));
    }
    true
}

/// Replaces an `allOf` of a reference and its description by the reference itself.
fn unwrap_reference(schema: &mut Map<String, Value>) {
    let reference = schema.get("allOf").and_then(|all| all.get(0)?.get("$ref")).cloned();
    if let Some(reference) = reference {
        schema.shift_remove("allOf");
        schema.insert("$ref".to_owned(), reference);
    }
}

/// The framework lists all tags, also those of the other service.
fn drop_unused_tags(document: &mut Value) {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(_, path)| path.as_object().into_iter().flatten());
    let tags = operations.flat_map(|(_, operation)| operation["tags"].as_array().into_iter());
    let used: HashSet<Value> = tags.flatten().cloned().collect();
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.retain(|tag| used.contains(&tag["name"]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed_property(property: &Value) -> (Value, Value) {
        let schema = json!({ "properties": { "a": property } });
        let document = json!({ "components": { "schemas": { "S": schema } } });
        let document: Value = serde_json::from_str(&completed(&document.to_string())).unwrap();
        let schema = &document["components"]["schemas"]["S"];
        (schema["properties"]["a"].clone(), schema["required"].clone())
    }

    #[test]
    fn a_reference_keeps_its_description_without_all_of() {
        let said = json!({ "description": "d" });
        let property = json!({ "description": "d", "allOf": [{ "$ref": "#/x" }, said] });
        let (property, _) = completed_property(&property);
        assert_eq!(property, json!({ "description": "d", "$ref": "#/x" }));
    }

    #[test]
    fn a_nullable_property_is_required_and_has_the_type_null() {
        let number = json!({ "type": "integer", "nullable": true });
        assert_eq!(
            completed_property(&number),
            (json!({ "type": ["integer", "null"] }), json!(["a"]))
        );
        let reference = json!({ "nullable": true, "allOf": [{ "$ref": "#/x" }, {}] });
        let either = json!({ "oneOf": [{ "$ref": "#/x" }, { "type": "null" }] });
        assert_eq!(completed_property(&reference), (either, json!(["a"])));
    }

    #[test]
    fn only_tags_of_operations_are_listed() {
        let document = json!({
            "tags": [{ "name": "A" }, { "name": "B" }],
            "paths": { "/x": { "get": { "tags": ["B"] } } },
        });
        let document: Value = serde_json::from_str(&completed(&document.to_string())).unwrap();
        assert_eq!(document["tags"], json!([{ "name": "B" }]));
    }
}
