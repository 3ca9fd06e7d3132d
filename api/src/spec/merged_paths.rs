//! The paths of a document, each once.
//!
//! The framework writes a path once for each part of a service that has operations of it; of a repeated name, a JSON
//! parser keeps the last one.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    paths: Merged,
}

#[derive(Default)]
struct Merged(Map<String, Value>);

impl<'de> Deserialize<'de> for Merged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MergedVisitor)
    }
}

struct MergedVisitor;

impl<'de> Visitor<'de> for MergedVisitor {
    type Value = Merged;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("paths with their operations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut paths: A) -> Result<Merged, A::Error> {
        let mut merged = Map::new();
        while let Some((path, operations)) = paths.next_entry::<String, Map<String, Value>>()? {
            if let Value::Object(all) = merged.entry(path).or_insert_with(|| Map::new().into()) {
                all.extend(operations);
            }
        }
        Ok(Merged(merged))
    }
}

/// The paths of a document, each with the operations of all parts.
pub(super) fn merged_paths(document: &str) -> Map<String, Value> {
    let document: Option<Document> = serde_json::from_str(document).ok();
    document.map(|document| document.paths.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_of_several_parts_has_the_operations_of_all() {
        let document = r#"{"paths": {"/a": {"get": 1}, "/b": {"get": 2}, "/a": {"delete": 3}}}"#;
        let expected = json!({"/a": {"get": 1, "delete": 3}, "/b": {"get": 2}});
        assert_eq!(Value::Object(merged_paths(document)), expected);
    }
}
