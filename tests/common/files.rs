//! Files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A path in the repository.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn json(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A file with one JSON document a line.
pub fn ndjson(name: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line);
    text(name).lines().map(parse).collect::<Result<_, _>>().unwrap()
}
