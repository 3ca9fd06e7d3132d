//! The paths of a service, as its document has them.

use std::sync::Arc;

use serde_json::Value;

/// Where a service shows its documentation.
pub const DOCS: &str = "/docs";
/// Where a service has its document.
pub const OPENAPI_JSON: &str = "/openapi.json";

/// The paths of a service, and the methods that each answers.
#[derive(Debug, Default)]
pub struct Paths {
    templates: Vec<Template>,
    /// The route of what has none.
    unknown: Arc<str>,
}

/// A path, in which parts in braces stand for any text, and the methods that it answers.
#[derive(Debug)]
struct Template {
    path: Arc<str>,
    methods: String,
}

impl Paths {
    /// Reads them off a document, and adds the documentation's own.
    #[must_use]
    pub fn of(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let documented = document["paths"].as_object().into_iter().flatten();
        let documented = documented.map(|(path, operations)| Template {
            path: path.as_str().into(),
            methods: methods(operations),
        });
        let own = [DOCS, OPENAPI_JSON]
            .map(|path| Template { path: path.into(), methods: "GET, HEAD".to_owned() });
        Self { templates: documented.chain(own).collect(), unknown: "".into() }
    }

    /// The template of a path, as the document has it; empty for a path that is not there.
    #[must_use]
    pub fn route(&self, path: &str) -> Arc<str> {
        Arc::clone(self.template(path).map_or(&self.unknown, |template| &template.path))
    }

    /// The methods of a path, as `Allow` lists them; `None` for a path that is not there.
    #[must_use]
    pub fn methods(&self, path: &str) -> Option<&str> {
        self.template(path).map(|template| template.methods.as_str())
    }

    fn template(&self, path: &str) -> Option<&Template> {
        let exact = self.templates.iter().find(|template| &*template.path == path);
        exact.or_else(|| self.templates.iter().find(|template| matches(&template.path, path)))
    }
}

fn methods(operations: &Value) -> String {
    let methods = operations.as_object().into_iter().flatten();
    methods.map(|(method, _)| spelled(method)).collect::<Vec<_>>().join(", ")
}

/// Wherever there is GET there is HEAD, which the document leaves out.
fn spelled(method: &str) -> String {
    if method == "get" { "GET, HEAD".to_owned() } else { method.to_uppercase() }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(given)) if part.starts_with('{') || part == given => {}
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
