//! What applies to every request: its id, its time limit, its span, and the form of its errors.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use instrumentation::log_throttle::LogThrottle;
use instrumentation::request_id;
use poem::error::NotFoundError;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Endpoint, Error, Request, Response, Result};
use tokio::time::timeout;
use tracing::{Instrument, error, warn};
use uuid::Uuid;

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::influx_errors;
use crate::paths::Paths;
use crate::problem_details::{self, with_problem_details};
use crate::request_span::RequestSpan;
use crate::security_headers;

/// How long a request may take until its response begins. Too low and a slow Redis looks like a broken
/// service; too high and clients wait that long for a request that makes no progress.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Seconds after which to try again, where the operation sets no `Retry-After`.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a client that is kept. It gets into logs: too high and clients can fill them; too low and
/// the ids of usual tracing headers are replaced.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Wraps a service. A request must pass through one only: it is counted and traced here.
pub struct ApiMiddleware<E> {
    service: E,
    paths: Paths,
}

impl<E> ApiMiddleware<E> {
    /// Wraps a service that has these paths.
    pub const fn new(service: E, paths: Paths) -> Self {
        Self { service, paths }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for ApiMiddleware<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = usable_request_id(&request);
        let wants_problem = problem_details::is_wanted(request.headers());
        let path = request.uri().path().to_owned();
        let span = RequestSpan::begin(&request, &id, &self.paths);
        // Pinned before it is wrapped: else each wrapper moves it, and it is large.
        let responding = pin!(self.respond(request, &path));
        let responding = responding.instrument(span.span().clone());
        let (response, id) = request_id::scope(id, responding).await;
        let mut response = influx_errors::complete(&path, response);
        span.end(response.status());
        response.headers_mut().extend(id.map(|id| (REQUEST_ID, id)));
        security_headers::add(response.headers_mut());
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
        }
        Ok(if wants_problem { with_problem_details(response) } else { response })
    }
}

impl<E: Endpoint<Output = Response>> ApiMiddleware<E> {
    async fn respond(&self, request: Request, path: &str) -> Response {
        // Only a request that may change something can have an unknown outcome.
        let is_safe = request.method().is_safe();
        let responding = pin!(self.service.call(request));
        // After a panic only state behind locks is used again, and those are taken also when poisoned.
        let responding = AssertUnwindSafe(responding).catch_unwind();
        match timeout(REQUEST_TIMEOUT, responding).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => self.error_response(error, path),
            Ok(Err(_panic)) => panicked(path),
            Err(_elapsed) => timed_out(path, is_safe),
        }
    }

    /// The response for an error of an operation, or for a request that reached no operation.
    fn error_response(&self, error: Error, path: &str) -> Response {
        // An operation's own error, such as 503, is a response already.
        if error.is_from_response() {
            return error.into_response();
        }
        if error.is::<NotFoundError>()
            && let Some(redirect) = self.trailing_slash_redirect(path)
        {
            return redirect;
        }
        let status = error.status();
        let detail = status.canonical_reason().unwrap_or_default();
        let response = ErrorBody::new(error_code(status), detail).response(status);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            let allow = self.paths.methods(path).unwrap_or("GET, HEAD");
            return with_header(response, header::ALLOW, allow);
        }
        response
    }

    /// Redirects a path with a trailing slash, as the original (Starlette) does. The target is relative, so
    /// that it also works behind a path prefix.
    fn trailing_slash_redirect(&self, path: &str) -> Option<Response> {
        let target = path.strip_suffix('/').filter(|path| self.paths.methods(path).is_some())?;
        let (_, last) = target.rsplit_once('/')?;
        let response = Response::builder().status(StatusCode::TEMPORARY_REDIRECT).finish();
        Some(with_header(response, header::LOCATION, &format!("../{last}")))
    }
}

fn panicked(path: &str) -> Response {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        error!(path, suppressed, "a request handler panicked");
    }
    ErrorBody::new(ErrorCode::InternalError, "Internal Server Error")
        .response(StatusCode::INTERNAL_SERVER_ERROR)
}

fn timed_out(path: &str, is_safe: bool) -> Response {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(path, suppressed, "a request took too long");
    }
    let code = if is_safe { ErrorCode::RequestTimeout } else { ErrorCode::OutcomeUnknown };
    let detail = "The request took too long; whether it was carried out is unknown";
    ErrorBody::new(code, detail).response(StatusCode::SERVICE_UNAVAILABLE)
}

/// The code of an error of the framework, which has a status only.
fn error_code(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        status if status.is_client_error() => ErrorCode::MalformedRequest,
        _ => ErrorCode::InternalError,
    }
}

fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The client's request id if it is usable, else a new one.
fn usable_request_id(request: &Request) -> HeaderValue {
    let is_usable = |id: &&HeaderValue| {
        (1..=MAX_REQUEST_ID_BYTES).contains(&id.len())
            && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    request.headers().get(REQUEST_ID).filter(is_usable).cloned().unwrap_or_else(new_request_id)
}

/// An id for a request without one.
pub(crate) fn new_request_id() -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    let id = Uuid::new_v4().simple().encode_lower(&mut text);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unknown"))
}

/// The response to a request that must not reach an operation; it is counted and traced here.
pub(crate) fn reject(
    request: &Request,
    status: StatusCode,
    code: ErrorCode,
    detail: &str,
) -> Response {
    respond_in_place(request, |id| {
        ErrorBody::new(code, detail).with_request_id(id).response(status)
    })
}

/// A response in place of an operation's, from the id of the request; it is counted and traced here.
pub(crate) fn respond_in_place(
    request: &Request,
    respond: impl FnOnce(&HeaderValue) -> Response,
) -> Response {
    let id = usable_request_id(request);
    let span = RequestSpan::begin(request, &id, &Paths::default());
    let mut response = influx_errors::complete(request.uri().path(), respond(&id));
    span.end(response.status());
    security_headers::add(response.headers_mut());
    response.headers_mut().insert(REQUEST_ID, id);
    if problem_details::is_wanted(request.headers()) {
        return with_problem_details(response);
    }
    response
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make;

    use super::*;

    fn middleware<F: Future<Output = Result<Response>> + Send>(
        handler: impl Fn(Request) -> F + Send + Sync,
    ) -> ApiMiddleware<impl Endpoint<Output = Response>> {
        ApiMiddleware::new(make(handler), Paths::default())
    }

    /// The sentence and the code of an error, whose body and header name the same request.
    async fn error(response: Response) -> (String, String) {
        let id = response.headers()[REQUEST_ID].clone();
        let body: serde_json::Value = response.into_body().into_json().await.unwrap();
        assert_eq!(body["request_id"].as_str().unwrap(), id, "{body}");
        let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
        (text("detail"), text("code"))
    }

    #[tokio::test]
    async fn a_panicking_handler_is_a_response_without_internals() {
        let middleware = middleware(|_| async { panic!("secret at 10.0.0.1") });
        let response = middleware.get_response(Request::default()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let expected = ("Internal Server Error".to_owned(), "internal_error".to_owned());
        assert_eq!(error(response).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_stuck_gets_a_response_in_time() {
        let middleware = middleware(|_| std::future::pending());
        for (method, code) in [("GET", "request_timeout"), ("POST", "outcome_unknown")] {
            let request = Request::builder().method(method.parse().unwrap()).finish();
            let response = middleware.get_response(request).await;
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(error(response).await.1, code, "{method}");
        }
    }

    #[tokio::test]
    async fn a_usable_request_id_is_kept_and_another_replaced() {
        let middleware = middleware(|_| async { Ok(Response::default()) });
        for (sent, kept) in [("abc-1", true), ("has space", false), ("", false)] {
            let request = Request::builder().header(REQUEST_ID, sent).finish();
            let response = middleware.get_response(request).await;
            assert_eq!(response.headers()[REQUEST_ID] == sent, kept, "{sent:?}");
        }
    }
}
