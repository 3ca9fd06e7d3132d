//! The web page, and its way to the services.

use poem::endpoint::EmbeddedFilesEndpoint;
use poem::http::{HeaderValue, header};
use poem::{Endpoint, EndpointExt, IntoEndpoint, Request, Response, Result, Route};
use rust_embed::RustEmbed;

use crate::front::Front;
use crate::spec::Paths;

/// The built page; empty when the program was built without it.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../frontend/dist"]
#[allow_missing = true]
struct Files;

/// Only what this server sends may run or be shown.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; base-uri 'none'; object-src 'none'; \
                                       frame-ancestors 'none'; form-action 'self'";

/// Where the files are whose names change with their contents.
const HASHED: &str = "/assets/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_EACH_TIME: &str = "no-cache";

/// Whether the program was built with the page.
#[must_use]
pub fn is_built_in() -> bool {
    Files::get("index.html").is_some()
}

/// The page at `/`. `/api/readings…` is the Ingestion API's, every other `/api/…` the Processing
/// Service's, both without the prefix; `/ingestion/…` reaches all of the Ingestion API.
pub fn page(
    ingestion: impl Endpoint<Output = Response> + 'static,
    processing: impl Endpoint<Output = Response> + 'static,
) -> impl Endpoint<Output = Response> {
    let ingestion = std::sync::Arc::new(ingestion);
    let services = Services { ingestion: ingestion.clone(), processing };
    let files = EmbeddedFilesEndpoint::<Files>::new().around(async |files, request| {
        let hashed = request.uri().path().starts_with(HASHED);
        let mut response = files.call(request).await?;
        let headers = response.headers_mut();
        let caching = if hashed { FOR_EVER } else { ASK_EACH_TIME };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        Ok(response)
    });
    let route = Route::new().nest("/", files).nest("/api", services).nest("/ingestion", ingestion);
    Front::new(route.into_endpoint(), Paths::default())
}

struct Services<I, P> {
    ingestion: I,
    processing: P,
}

impl<I, P> Endpoint for Services<I, P>
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
