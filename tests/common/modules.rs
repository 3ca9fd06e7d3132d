//! The modules of a crate, and which of them use which: read from its sources, tests left out.
//!
//! A name is followed to the module that defines it, through `use` declarations, re-exports and globs: an
//! import by way of a `mod.rs` that only re-exports counts as an import of the defining module.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::syntax::{self, Segments, Source};

/// Far above any chain of re-exports; ends the search when two modules re-export each other by globs.
const MAX_REEXPORTS: usize = 16;

/// The modules of a crate by their paths, such as `store::connection`; the root is `""`.
pub struct Modules(BTreeMap<String, Source>);

impl Modules {
    /// Reads a crate from the file of its root module.
    pub fn of_crate(root: &Path) -> Self {
        let mut modules = Self(BTreeMap::new());
        modules.read(root, root.parent().unwrap(), String::new());
        modules
    }

    fn read(&mut self, file: &Path, directory: &Path, path: String) {
        let text = fs::read_to_string(file).unwrap();
        let source = syntax::source(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        for child in &source.children {
            let flat = directory.join(format!("{child}.rs"));
            let nested = directory.join(child).join("mod.rs");
            let file = if flat.exists() { flat } else { nested };
            self.read(&file, &directory.join(child), join(&path, child));
        }
        self.0.insert(path, source);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.0.iter().map(|(path, source)| (path.as_str(), source))
    }

    /// Each module with the others that it uses.
    pub fn uses(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let used = |from: &str, source: &Source| {
            let definers = source.paths.iter().filter_map(|path| self.definer(from, path));
            definers.filter(|definer| definer != from).collect()
        };
        self.iter().map(|(path, source)| (path, used(path, source))).collect()
    }

    /// The module that defines what a path in a module stands for; `None` for another crate's. What a
    /// macro defines is taken for defined where the path looks for it.
    fn definer(&self, from: &str, path: &[String]) -> Option<String> {
        self.resolve(from, path, 0).or_else(|| {
            let is_inside = matches!(path[0].as_str(), "crate" | "self" | "super");
            let (_, module) = path.split_last().filter(|_| is_inside)?;
            self.definer(from, module)
        })
    }

    fn resolve(&self, from: &str, path: &[String], depth: usize) -> Option<String> {
        let Some((first, rest)) = path.split_first() else { return Some(from.to_owned()) };
        match first.as_str() {
            "crate" => self.resolve("", rest, depth),
            "self" => self.resolve(from, rest, depth),
            "super" => self.resolve(parent(from), rest, depth),
            _ => self.look_up(from, first, rest, depth),
        }
    }

    /// Looks a name up in a module: a child module, an item, or what a `use` brings.
    fn look_up(&self, from: &str, name: &str, rest: &[String], depth: usize) -> Option<String> {
        let child = join(from, name);
        if self.0.contains_key(&child) {
            return self.resolve(&child, rest, depth);
        }
        let source = &self.0[from];
        if source.items.contains(name) {
            return Some(from.to_owned());
        }
        if depth == MAX_REEXPORTS {
            return None;
        }
        if let Some((_, path)) = source.bindings.iter().find(|(bound, _)| bound == name) {
            let path = [path, rest].concat();
            // Another crate's: for those who import it from here it is this module's.
            return self.resolve(from, &path, depth + 1).or_else(|| Some(from.to_owned()));
        }
        source.globs.iter().find_map(|glob| {
            let path: Segments = glob.iter().cloned().chain([name.to_owned()]).collect();
            self.resolve(from, &[&path, rest].concat(), depth + 1)
        })
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once("::").map_or("", |(parent, _)| parent)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") }
}
