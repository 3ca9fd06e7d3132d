//! Each service's routes, and its OpenAPI document.

use std::sync::Arc;

use poem::endpoint::make_sync;
use poem::http::{Method, header};
use poem::web::Html;
use poem::{Endpoint, IntoEndpoint, Request, Response, Result, Route, get};
use poem_openapi::{OpenApi, OpenApiService, ServerObject, Tags, Webhook};
use serde_json::Value;

use crate::front::Front;
use crate::ingestion::IngestionApi;
use crate::operations::{
    DeadLettersApi, IngestionHealthApi, MetricsApi, PipelineApi, ProbesApi, ProcessingHealthApi,
};
use crate::query::QueryApi;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const DOCS: &str = "/docs";
const OPENAPI_JSON: &str = "/openapi.json";

/// How the operations are grouped in the documents.
#[derive(Debug, Tags)]
pub(crate) enum Topic {
    /// Take readings.
    Ingestion,
    /// Read them back.
    Query,
    /// See how the service is.
    Operations,
}

/// A service: its endpoint, ready to be served, and its document.
pub struct Service<E> {
    /// Answers every request.
    pub endpoint: E,
    /// The OpenAPI document, as JSON.
    pub document: String,
}

/// The Ingestion API.
#[must_use]
pub fn ingestion_api(
    ingestion: IngestionApi,
    health: IngestionHealthApi,
    metrics: MetricsApi,
    probes: ProbesApi,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let description = "Takes energy-meter readings. A reading is accepted when it is in the stream; \
                       the Processing Service stores it and serves it back.";
    let apis = (ingestion, health, metrics, probes);
    service(OpenApiService::new(apis, "Ingestion API", VERSION).description(description))
}

/// The Processing Service; as `query-api` it is the same without the consumer.
#[must_use]
pub fn processing_service(
    query: QueryApi,
    health: ProcessingHealthApi,
    metrics: MetricsApi,
    pipeline: PipelineApi,
    dead_letters: DeadLettersApi,
    probes: ProbesApi,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let description = "Stores the accepted readings and serves them back per site.";
    let apis = (query, health, metrics, pipeline, dead_letters, probes);
    service(OpenApiService::new(apis, "Processing Service", VERSION).description(description))
}

fn service<T, W>(
    service: OpenApiService<T, W>,
) -> Service<impl Endpoint<Output = Response> + 'static>
where
    T: OpenApi + 'static,
    W: Webhook + 'static,
{
    // Relative to where the document is, so that it also works behind a path prefix.
    let service = service.server(ServerObject::new("./"));
    let document = pretty(&service.spec());
    let ui = service.swagger_ui_html();
    let paths = Paths::of(&document);
    let json = document.clone();
    let spec = make_sync(move |_| {
        Response::builder().header(header::CONTENT_TYPE, "application/json").body(json.clone())
    });
    let docs = Route::new()
        .at(DOCS, get(make_sync(move |_| Html(ui.clone()))))
        .at(OPENAPI_JSON, get(spec));
    let endpoint = Documented { docs, service: service.into_endpoint() };
    Service { endpoint: Front::new(endpoint, paths), document }
}

/// A service with its documentation beside it. One route with the service nested in it would do, but
/// would take each request's path apart and put it together again (measured: 1.9 of 18 µs).
struct Documented<E> {
    docs: Route,
    service: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for Documented<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        match request.uri().path() {
            DOCS | OPENAPI_JSON => self.docs.call(request).await,
            _ => self.service.call(request).await,
        }
    }
}

fn pretty(document: &str) -> String {
    let value: Value = serde_json::from_str(document).unwrap_or_default();
    format!("{value:#}\n")
}

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
            .map(|path| Template { path: path.into(), methods: Method::GET.to_string() });
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
    methods.map(|(method, _)| method.to_uppercase()).collect::<Vec<_>>().join(", ")
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
        assert_eq!(paths.methods("/a/b%2Fc"), Some("DELETE, GET"));
        assert_eq!(paths.methods("/docs"), Some("GET"));
        assert_eq!(paths.methods("/a"), None);
        let routes = ["/a/b", "/readings", "/a", "/a/b/c"].map(|path| paths.route(path));
        assert_eq!(routes.each_ref().map(|route| &**route), ["/a/{id}", "/readings", "", ""]);
    }
}
