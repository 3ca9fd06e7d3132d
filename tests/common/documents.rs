//! The operations of the committed OpenAPI documents.

use reqwest::Method;
use serde_json::Value;

use super::files;

/// The roles that have a document.
pub const ROLES: [&str; 2] = ["ingestion-api", "processing-service"];

/// A method of a path in a document.
#[derive(Debug)]
pub struct Operation {
    pub method: Method,
    /// With the names of parameters in braces.
    pub path: String,
    /// As the document has it.
    pub described: Value,
}

impl Operation {
    /// The names in braces.
    pub fn names(&self) -> Vec<&str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
    }

    /// The path with this value for every parameter.
    pub fn path_with(&self, value: &str) -> String {
        self.names()
            .iter()
            .fold(self.path.clone(), |path, name| path.replace(&format!("{{{name}}}"), value))
    }

    pub fn documents(&self, status: u16) -> bool {
        self.described["responses"].get(status.to_string()).is_some()
    }
}

/// The document of a role.
pub fn document(role: &str) -> Value {
    files::json(&format!("openapi/{role}.json"))
}

pub fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(|(method, described)| Operation {
            method: method.to_uppercase().parse().unwrap(),
            path: path.clone(),
            described: described.clone(),
        })
    });
    operations.collect()
}
