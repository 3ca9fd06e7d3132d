//! The web page, and its way to the services.

use std::sync::Arc;

use poem::endpoint::EmbeddedFilesEndpoint;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, EndpointExt, IntoEndpoint, Request, Response, Result, Route};
use rust_embed::RustEmbed;

use crate::middleware::Front;
use crate::paths::Paths;

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
    let ingestion = Arc::new(ingestion);
    let services = Services { ingestion: ingestion.clone(), processing };
    let files = EmbeddedFilesEndpoint::<Files>::new().around(file);
    let route = Route::new().nest("/", files).nest("/api", services).nest("/ingestion", ingestion);
    Front::new(route.into_endpoint(), Paths::default())
}

/// A file, with the headers that the page's nginx gives it, too.
async fn file(files: Arc<EmbeddedFilesEndpoint<Files>>, mut request: Request) -> Result<Response> {
    let hashed = request.uri().path().starts_with(HASHED);
    let known = request.headers_mut().remove(header::IF_NONE_MATCH);
    let mut response = files.call(request).await?;
    let headers = response.headers_mut();
    let caching = if hashed { FOR_EVER } else { ASK_EACH_TIME };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let Some(tag) = headers.get(header::ETAG).and_then(quoted) else { return Ok(response) };
    let is_known = known.is_some_and(|known| names(&known, &tag));
    headers.insert(header::ETAG, tag);
    if is_known {
        headers.remove(header::CONTENT_TYPE);
        response.set_status(StatusCode::NOT_MODIFIED);
        response.set_body(());
    }
    Ok(response)
}

/// The framework's tag as RFC 9110 (8.8.3) has tags: in quotation marks.
fn quoted(tag: &HeaderValue) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{}\"", tag.to_str().ok()?)).ok()
}

/// Whether `If-None-Match` names a tag; weakly, as RFC 9110 (13.1.2) compares it. Our tags have no comma.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let mut known = known.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    known.any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_named_alone_in_a_list_or_by_a_star() {
        let tag = quoted(&HeaderValue::from_static("abc")).unwrap();
        assert_eq!(tag, "\"abc\"");
        for known in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert!(names(&HeaderValue::from_static(known), &tag), "{known}");
        }
        for unknown in ["", "abc", "\"abcd\"", "\"x\", \"y\""] {
            assert!(!names(&HeaderValue::from_static(unknown), &tag), "{unknown}");
        }
    }
}
