//! The paths of a service, as its OpenAPI document has them.
//!
//! The framework matches a path again when it routes the request, and leaves the matched pattern
//! (`poem::PathPattern`) in the response. That is too late and too little here: the span has its name before, a
//! handler that panics or times out returns no response, and `Allow` needs the methods of a path, not the pattern.

use std::sync::Arc;

use serde_json::Value;

/// The page with the documentation of a service.
pub const DOCS: &str = "/docs";
/// The OpenAPI document of a service.
pub const OPENAPI_JSON: &str = "/openapi.json";

/// The paths that probes and scrapers request, every few seconds.
pub(crate) const PROBES: [&str; 4] = ["/health", "/livez", "/metrics", "/readyz"];

/// Whether clients of `InfluxDB` send requests of this path: they authenticate and read errors in ways of their own.
pub(crate) fn is_of_influx(path: &str) -> bool {
    matches!(path, "/api/v2/write" | "/write" | "/query")
}

/// The paths of a service with the methods of each.
#[derive(Debug, Default)]
pub struct Paths {
    templates: Vec<Template>,
    /// The route of an unknown path: empty.
    unknown: Arc<str>,
}

/// A path, in which a segment in braces matches any text, and its methods.
#[derive(Debug)]
struct Template {
    path: Arc<str>,
    methods: String,
}

impl Paths {
    /// The paths of a document, and those of the documentation itself.
    #[must_use]
    pub fn of(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let documented = document["paths"].as_object().into_iter().flatten();
        let documented = documented.map(|(path, operations)| Template {
            path: path.as_str().into(),
            methods: methods(operations),
        });
        let documentation = [DOCS, OPENAPI_JSON]
            .map(|path| Template { path: path.into(), methods: "GET, HEAD".to_owned() });
        Self { templates: documented.chain(documentation).collect(), unknown: "".into() }
    }

    /// The template of a path; empty for an unknown path.
    #[must_use]
    pub fn route(&self, path: &str) -> Arc<str> {
        Arc::clone(self.template(path).map_or(&self.unknown, |template| &template.path))
    }

    /// The methods of a path as `Allow` lists them; `None` for an unknown path.
    #[must_use]
    pub fn methods(&self, path: &str) -> Option<&str> {
        self.template(path).map(|template| template.methods.as_str())
    }

    fn template(&self, path: &str) -> Option<&Template> {
        // A template without braces wins over one with: `/a/b` over `/a/{id}`.
        let exact = self.templates.iter().find(|template| &*template.path == path);
        exact.or_else(|| self.templates.iter().find(|template| matches(&template.path, path)))
    }
}

fn methods(operations: &Value) -> String {
    let methods = operations.as_object().into_iter().flatten();
    methods.map(|(method, _)| allowed(method)).collect::<Vec<_>>().join(", ")
}

/// A path with GET has HEAD too, which the document leaves out.
fn allowed(method: &str) -> String {
    if method == "get" { "GET, HEAD".to_owned() } else { method.to_uppercase() }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(segment)) if part.starts_with('{') || part == segment => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow_names_the_methods_of_the_documented_path() {
        let document = r#"{"paths":{"/readings":{"post":{}},"/a/{id}":{"delete":{},"get":{}}}}"#;
        let paths = Paths::of(document);
        assert_eq!(paths.methods("/readings"), Some("POST"));
        assert_eq!(paths.methods("/a/b%2Fc"), Some("DELETE, GET, HEAD"));
        assert_eq!(paths.methods("/docs"), Some("GET, HEAD"));
        assert_eq!(paths.methods("/a"), None);
        let routes = ["/a/b", "/readings", "/a", "/a/b/c"].map(|path| paths.route(path));
        assert_eq!(routes.each_ref().map(|route| &**route), ["/a/{id}", "/readings", "", ""]);
    }
}
