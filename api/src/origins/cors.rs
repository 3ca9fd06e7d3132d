//! Cross-origin resource sharing (the Fetch standard): how a page of a listed origin may read responses.
//!
//! Not the framework's `Cors`: it responds with an error to an origin that is not listed, also to that of our own page,
//! and sends `Vary` only for origins that are compared by a function.

use poem::Response;
use poem::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode};

/// The methods of our operations.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE");

/// The headers that our operations read, beside those that need no permission.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, traceparent",
);

/// The headers of our responses, beside those that a page may always read.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "X-Request-Id, Retry-After, Idempotent-Replayed, Allow, Location, WWW-Authenticate",
);

/// Seconds for which a browser need not ask again. Too low: two requests for each. Too high: an origin that is no
/// longer listed sends requests for that long, which are rejected.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Whether a browser asks for permission to send a request.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The permission. It is without credentials: cookies and logins of a browser are not sent.
pub(super) fn preflight_response() -> Response {
    let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// Lets a page of this origin read a response.
pub(super) fn share(response: &mut Response, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
}

/// States that responses differ by `Origin`, or a cache gives a page that of another.
pub(super) fn vary(response: &mut Response) {
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
}
