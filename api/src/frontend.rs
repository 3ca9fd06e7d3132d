//! The web page and its way to the services, on one port.

use std::sync::Arc;

use poem::endpoint::{BoxEndpoint, EmbeddedFilesEndpoint};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, EndpointExt, Request, Response, Result, Route};
use rust_embed::RustEmbed;

use crate::compression::Compressed;
use crate::entity_tag::{self, REVALIDATE};
use crate::middleware::ApiMiddleware;
use crate::paths::Paths;
use crate::weighted_items::weighted_items;

/// The built page; empty when the program was built without it.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../frontend/dist"]
#[allow_missing = true]
struct Assets;

/// Only what this server sends may run or be shown.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; base-uri 'none'; object-src 'none'; \
                                       frame-ancestors 'none'; form-action 'self'";

/// The folder of the assets whose names contain a hash of their contents.
const HASHED_ASSETS: &str = "/assets/";
/// What a browser shows at a path without an asset.
const NOT_FOUND_PAGE: &str = "404.html";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// `/api/readings…` is the Ingestion API's, every other `/api/…` the Processing Service's, both without the
/// prefix.
const API: &str = "/api";
/// All of the Ingestion API, without the prefix.
const INGESTION: &str = "/ingestion";

/// Whether the program was built with the page.
#[must_use]
pub fn is_built_in() -> bool {
    Assets::get("index.html").is_some()
}

/// The page at `/`, and the services below [`API`] and [`INGESTION`].
///
/// Both services are in their own [`ApiMiddleware`] already, so that only the rest gets one here: a request passes
/// through one middleware, and is counted and traced once.
pub fn frontend_endpoint(
    ingestion: impl Endpoint<Output = Response> + 'static,
    processing: impl Endpoint<Output = Response> + 'static,
) -> impl Endpoint<Output = Response> {
    let ingestion = Arc::new(ingestion);
    let by_path = ServiceByPath { ingestion: ingestion.clone(), processing };
    let services = Route::new().nest(API, by_path).nest(INGESTION, ingestion).boxed();
    let assets = EmbeddedFilesEndpoint::<Assets>::new().around(asset);
    let assets = Compressed(Route::new().nest("/", assets).map_to_response());
    Frontend { services, assets: ApiMiddleware::new(assets, Paths::default()) }
}

struct Frontend<A> {
    services: BoxEndpoint<'static, Response>,
    assets: A,
}

impl<A: Endpoint<Output = Response>> Endpoint for Frontend<A> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = request.uri().path();
        if is_below(path, API) || is_below(path, INGESTION) {
            self.services.call(request).await
        } else {
            self.assets.call(request).await
        }
    }
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An asset with the headers that nginx of the frontend image sends, too.
async fn asset(
    assets: Arc<EmbeddedFilesEndpoint<Assets>>,
    mut request: Request,
) -> Result<Response> {
    let is_hashed = request.uri().path().starts_with(HASHED_ASSETS);
    // The framework compares its own tag, which has no quotation marks.
    let if_none_match = request.headers_mut().remove(header::IF_NONE_MATCH);
    let wants_html = wants_html(&request);
    let mut response = match assets.call(request).await {
        Err(error) if wants_html && error.status() == StatusCode::NOT_FOUND => {
            not_found_page().ok_or(error)?
        }
        responded => responded?,
    };
    let headers = response.headers_mut();
    let caching = if is_hashed { IMMUTABLE } else { REVALIDATE };
    headers.insert(header::CACHE_CONTROL, caching);
    let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if response.status() == StatusCode::NOT_FOUND {
        return Ok(response);
    }
    // The framework's, as RFC 9110 spells it.
    let tag =
        response.headers().get(header::ETAG).and_then(|tag| entity_tag::weak(tag.to_str().ok()?));
    Ok(match tag {
        Some(tag) => entity_tag::tagged(response, tag, if_none_match.as_ref()),
        None => response,
    })
}

/// Whether a browser shows the response to its user: programs do not name HTML.
fn wants_html(request: &Request) -> bool {
    weighted_items(request.headers(), header::ACCEPT).any(|(name, _)| name == "text/html")
}

fn not_found_page() -> Option<Response> {
    let page = Assets::get(NOT_FOUND_PAGE)?.data.into_owned();
    let response = Response::builder().status(StatusCode::NOT_FOUND);
    Some(response.content_type("text/html; charset=utf-8").body(page))
}

/// The services below [`API`], chosen by the path without the prefix.
struct ServiceByPath<I, P> {
    ingestion: I,
    processing: P,
}

impl<I, P> Endpoint for ServiceByPath<I, P>
where
    I: Endpoint<Output = Response>,
    P: Endpoint<Output = Response>,
{
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if request.uri().path().starts_with("/readings") {
            self.ingestion.call(request).await
        } else {
            self.processing.call(request).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_segment_is_a_prefix() {
        for path in ["/api", "/api/", "/api/readings"] {
            assert!(is_below(path, API), "{path}");
        }
        for path in ["/", "/apis", "/assets/api", "*", ""] {
            assert!(!is_below(path, API), "{path}");
        }
    }

    /// `OPTIONS *` has a path that no route matches.
    #[tokio::test]
    async fn what_has_no_route_has_the_error_body_of_the_services() {
        let service = || poem::endpoint::make_sync(|_| Response::default());
        let frontend = frontend_endpoint(service(), service());
        let response = frontend.get_response(Request::builder().uri_str("*").finish()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body: serde_json::Value = response.into_body().into_json().await.unwrap();
        assert_eq!(body["code"], "not_found");
    }
}
