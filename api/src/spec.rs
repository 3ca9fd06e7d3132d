//! Each service's routes, and its OpenAPI document.

use poem::endpoint::make_sync;
use poem::http::{Method, header};
use poem::{Endpoint, EndpointExt, IntoEndpoint, Response, Route, get};
use poem_openapi::{OpenApi, OpenApiService, ServerObject, Webhook};
use serde_json::Value;

use crate::front::Front;
use crate::ingestion::IngestionApi;
use crate::operations::{IngestionHealthApi, MetricsApi, ProbesApi, ProcessingHealthApi};
use crate::query::QueryApi;

const VERSION: &str = env!("CARGO_PKG_VERSION");

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
    probes: ProbesApi,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let description = "Takes energy-meter readings. A reading is accepted when it is in the stream; \
                       the Processing Service stores it and serves it back.";
    let apis = (ingestion, health, probes);
    service(OpenApiService::new(apis, "Ingestion API", VERSION).description(description))
}

/// The Processing Service; as `query-api` it is the same without the consumer.
#[must_use]
pub fn processing_service(
    query: QueryApi,
    health: ProcessingHealthApi,
    metrics: MetricsApi,
    probes: ProbesApi,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let description = "Stores the accepted readings and serves them back per site.";
    let apis = (query, health, metrics, probes);
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
    let ui = service.swagger_ui();
    let routes = AllowedMethods::of(&document);
    let json = document.clone();
    let spec = make_sync(move |_| {
        Response::builder().header(header::CONTENT_TYPE, "application/json").body(json.clone())
    });
    let route = Route::new().nest("/docs", ui).at("/openapi.json", get(spec)).nest("/", service);
    Service { endpoint: Front::new(route.into_endpoint().map_to_response(), routes), document }
}

fn pretty(document: &str) -> String {
    let value: Value = serde_json::from_str(document).unwrap_or_default();
    format!("{value:#}\n")
}

/// Which methods a path answers, for `Allow`.
#[derive(Debug)]
pub struct AllowedMethods(Vec<(Vec<String>, String)>);

impl AllowedMethods {
    /// Reads them off a document.
    #[must_use]
    pub fn of(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        Self(paths.map(|(path, operations)| (segments(path), methods(operations))).collect())
    }

    /// The value of `Allow` for a path; the documentation's own paths are not in the document.
    #[must_use]
    pub fn at(&self, path: &str) -> &str {
        let path = segments(path);
        let found = self.0.iter().find(|(template, _)| matches(template, &path));
        found.map_or(Method::GET.as_str(), |(_, methods)| methods)
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
        let methods = AllowedMethods::of(document);
        assert_eq!(methods.at("/readings"), "POST");
        assert_eq!(methods.at("/a/b%2Fc"), "DELETE, GET");
        assert_eq!(methods.at("/docs"), "GET");
    }
}
