//! Records of JSON as fields with names.

use std::collections::HashMap;

use serde_json::Value;

/// How deep members are read. Too low: a nested value has no name. Too high: hardly more names.
const MAX_DEPTH: usize = 6;
/// How many names a series has at most. Too low: a value has no name. Too high: memory for a document of another kind.
const MAX_NAMES: usize = 500;

/// The names of a series: its members, those of objects in it as `/a/b`, of an array `#1`, `#2`; and then the values of the
/// document outside of arrays, as `/a/b`, which all records share.
#[derive(Debug)]
pub struct Names {
    list: Vec<String>,
    places: HashMap<String, usize>,
    shared: Vec<(usize, String)>,
}

impl Names {
    /// The names in these records of a document.
    pub fn of(document: &Value, records: &[Value]) -> Self {
        let mut names = Self { list: Vec::new(), places: HashMap::new(), shared: Vec::new() };
        for record in records {
            visit(record, "", 0, &mut |name, _| {
                names.add(name);
            });
        }
        let mut shared = Vec::new();
        if document.is_object() {
            visit(document, "", 1, &mut |name, text| shared.push((name, text)));
        }
        for (name, text) in shared {
            let known = names.list.len();
            if names.add(name) == Some(known) {
                names.shared.push((known, text));
            }
        }
        names
    }

    fn add(&mut self, name: String) -> Option<usize> {
        if let Some(place) = self.places.get(&name) {
            return Some(*place);
        }
        if self.list.len() == MAX_NAMES {
            return None;
        }
        self.places.insert(name.clone(), self.list.len());
        self.list.push(name);
        Some(self.list.len() - 1)
    }

    /// The fields of a record, in the order of the names; empty ones where it has no value.
    pub fn fields(&self, record: &Value) -> Vec<String> {
        let mut fields = vec![String::new(); self.list.len()];
        for (place, text) in &self.shared {
            fields[*place].clone_from(text);
        }
        visit(record, "", 0, &mut |name, text| {
            if let Some(place) = self.places.get(&name) {
                fields[*place] = text;
            }
        });
        fields
    }

    /// The names, in their order.
    pub fn into_list(self) -> Vec<String> {
        self.list
    }
}

/// Calls `found` with the name and text of each value that is no object and no array.
fn visit(value: &Value, path: &str, depth: usize, found: &mut impl FnMut(String, String)) {
    match value {
        Value::Object(members) if depth <= MAX_DEPTH => {
            for (name, member) in members {
                // The first level has plain names, deeper ones pointers.
                let is_plain = depth == 0 && !member.is_object();
                let path = if is_plain { name.clone() } else { format!("{path}/{name}") };
                visit(member, &path, depth + 1, found);
            }
        }
        Value::Array(items) if depth == 0 => {
            for (item, number) in items.iter().zip(1..) {
                visit(item, &format!("#{number}"), 1, found);
            }
        }
        Value::Object(_) | Value::Array(_) => {}
        Value::Null => found(path.to_owned(), String::new()),
        Value::String(text) => found(path.to_owned(), text.trim().to_owned()),
        other => found(path.to_owned(), other.to_string()),
    }
}
