//! The routes of each service and its OpenAPI document.

mod docs_page;
mod document;
mod merged_paths;
mod responses;
mod security;

use std::sync::Arc;

use futures_util::future::Either;
use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::header;
use poem::{Endpoint, IntoEndpoint, Request, Response, Result, Route, get};
use poem_openapi::{OpenApi, OpenApiService, ServerObject};
use readings::store::ReplicaLag;

use crate::access::AccessPolicy;
use crate::compression::Compressed;
use crate::ingestion::IngestionApi;
use crate::ingestion::batch::BatchApi;
use crate::ingestion::line_protocol::{LineMapping, LineProtocolApi};
use crate::ingestion::reading_route::ReadingRoute;
use crate::ingestion::remote_write::{RemoteWriteApi, RemoteWriteMapping};
use crate::middleware::ApiMiddleware;
use crate::operations::{
    DeadLettersApi, IngestionHealthApi, MetricsApi, PipelineApi, ProbesApi, ProcessingHealthApi,
    PrometheusApi, ReceiversApi,
};
use crate::paths::{DOCS, OPENAPI_JSON, Paths};
use crate::replica_lag::WithReplicaLag;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The URL of the operations, relative to the document: valid also behind a path prefix.
const SERVER: &str = ".";

/// A service: its endpoint and its document.
pub struct Service<E> {
    /// Handles every request; it contains its middleware.
    pub endpoint: E,
    /// The OpenAPI document, as JSON.
    pub document: String,
}

/// The Ingestion API, whose operations need the keys of `access`.
#[must_use]
pub fn ingestion_api(
    access: AccessPolicy,
    ingestion: IngestionApi,
    mapping: Arc<LineMapping>,
    remote_write: Arc<RemoteWriteMapping>,
    health: IngestionHealthApi,
    metrics: MetricsApi,
    probes: ProbesApi,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let description = "Accepts energy-meter readings. A reading is accepted when it is in the stream; \
                       the Processing Service stores it.";
    let batch = BatchApi(ingestion.clone());
    let lines = LineProtocolApi::new(ingestion.clone(), mapping);
    let samples = RemoteWriteApi { ingestion: ingestion.clone(), mapping: remote_write };
    let apis = (ingestion.clone(), batch, lines, samples, health, metrics, probes);
    let direct = |others| ReadingRoute { ingestion, others };
    service(access, "Ingestion API", apis, description, direct)
}

/// The Processing Service, and the query API, which is the same without the consumer; their operations need the keys of
/// `access`. The queries are those of [`crate::query`], a tuple; with a lag they read from a replica.
#[must_use]
pub fn processing_service(
    access: AccessPolicy,
    queries: impl OpenApi + 'static,
    health: ProcessingHealthApi,
    metrics: MetricsApi,
    (pipeline, receivers, dead_letters): (PipelineApi, ReceiversApi, DeadLettersApi),
    probes: ProbesApi,
    lag: Option<ReplicaLag>,
) -> Service<impl Endpoint<Output = Response> + 'static> {
    let description = "Stores accepted readings and returns them per site.";
    let apis = (queries, health, metrics, pipeline, receivers, dead_letters, probes);
    let Service { endpoint, document } =
        service(access, "Processing Service", apis, description, |endpoint| endpoint);
    Service { endpoint: WithReplicaLag::new(endpoint, lag), document }
}

/// Health, probes and metrics, for the platform, on a port without keys; it has no document of its own.
pub fn monitoring(
    health: impl OpenApi + 'static,
    prometheus: PrometheusApi,
    probes: ProbesApi,
) -> impl Endpoint<Output = Response> + 'static {
    let service = OpenApiService::new((health, prometheus, probes), "Monitoring", VERSION);
    let paths = Paths::of(&service.spec());
    ApiMiddleware::new(service.into_endpoint(), paths)
}

/// A service with the operations of `apis`, whose endpoint `wrap` may give shorter ways to some of them.
fn service<T: OpenApi + 'static, E: Endpoint<Output = Response> + 'static, W>(
    access: AccessPolicy,
    title: &str,
    apis: T,
    description: &str,
    wrap: W,
) -> Service<impl Endpoint<Output = Response> + 'static + use<T, E, W>>
where
    W: FnOnce(BoxEndpoint<'static>) -> E,
{
    let service = OpenApiService::new(apis, title, VERSION).description(description);
    let service = service.server(ServerObject::new(SERVER));
    let raw = service.spec();
    let document = document::completed(&raw);
    let ui = service.swagger_ui_html().replace(&raw, &document);
    let paths = Paths::of(&document);
    let json = document.clone();
    let spec = make_sync(move |_| {
        Response::builder().header(header::CONTENT_TYPE, "application/json").body(json.clone())
    });
    let docs =
        Route::new().at(DOCS, get(docs_page::docs_page(&ui, title))).at(OPENAPI_JSON, get(spec));
    let endpoint = access.guard(Documented { docs, service: wrap(service.into_endpoint()) });
    Service { endpoint: ApiMiddleware::new(Compressed(endpoint), paths), document }
}

/// A service and its documentation. Not one `Route` with the service nested in it: that would split and rebuild the
/// path of each request (measured: 1.9 of 18 µs).
struct Documented<E> {
    docs: Route,
    service: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for Documented<E> {
    type Output = Response;

    // Not an async function: that would move the request once more.
    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        match request.uri().path() {
            DOCS | OPENAPI_JSON => Either::Left(self.docs.call(request)),
            _ => Either::Right(self.service.call(request)),
        }
    }
}
