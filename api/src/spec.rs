//! Each service's routes, and its OpenAPI document.

use poem::endpoint::make_sync;
use poem::http::{Method, header};
use poem::web::Html;
use poem::{Endpoint, EndpointExt, IntoEndpoint, Response, Route, get};
use poem_openapi::{OpenApi, OpenApiService, ServerObject, Tags, Webhook};
use serde_json::Value;

use crate::front::Front;
use crate::ingestion::IngestionApi;
use crate::operations::{
    DeadLettersApi, IngestionHealthApi, MetricsApi, ProbesApi, ProcessingHealthApi,
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
    dead_letters: DeadLettersApi,
    probes: ProbesApi,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let description = "Stores the accepted readings and serves them back per site.";
    let apis = (query, health, metrics, dead_letters, probes);
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
    let route = Route::new()
        .at(DOCS, get(make_sync(move |_| Html(ui.clone()))))
        .at(OPENAPI_JSON, get(spec))
        .nest("/", service);
    Service { endpoint: Front::new(route.into_endpoint().map_to_response(), paths), document }
}

fn pretty(document: &str) -> String {
    let value: Value = serde_json::from_str(document).unwrap_or_default();
    format!("{value:#}\n")
}

/// The paths of a service, and the methods that each answers.
#[derive(Debug, Default)]
pub struct Paths(Vec<(Vec<String>, String)>);

impl Paths {
    /// Reads them off a document, and adds the documentation's own.
    #[must_use]
    pub fn of(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let documented = document["paths"].as_object().into_iter().flatten();
        let documented = documented.map(|(path, operations)| (segments(path), methods(operations)));
        let own = [DOCS, OPENAPI_JSON].map(|path| (segments(path), Method::GET.to_string()));
        Self(documented.chain(own).collect())
    }

    /// The methods of a path, as `Allow` lists them; `None` for a path that is not there.
    #[must_use]
    pub fn methods(&self, path: &str) -> Option<&str> {
        let path = segments(path);
        let found = self.0.iter().find(|(template, _)| matches(template, &path));
        found.map(|(_, methods)| methods.as_str())
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

fn methods(operations: &Value) -> String {
    let methods = operations.as_object().into_iter().flatten();
    methods.map(|(method, _)| method.to_uppercase()).collect::<Vec<_>>().join(", ")
}

fn matches(template: &[String], path: &[String]) -> bool {
    let fits = |(template, path): (&String, &String)| template.starts_with('{') || template == path;
    template.len() == path.len() && template.iter().zip(path).all(fits)
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
    }
}
