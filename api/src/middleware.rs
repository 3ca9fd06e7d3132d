//! What holds for every request: its id, its time limit, and the shape of its errors.

use std::panic::AssertUnwindSafe;
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
use crate::paths::Paths;
use crate::request_span::Exchange;

/// How long a request may take until its answer begins. Too low and a slow Redis looks like a broken
/// service; too high and clients wait that long for a request that is stuck.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// When to try again, in seconds, where the operation does not know better.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

const REQUEST_ID: &str = "x-request-id";

/// A client's own request id is kept when it has at most so many visible ASCII characters; it gets
/// into logs and must not fill them.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Stands before a service.
pub struct ApiMiddleware<E> {
    service: E,
    paths: Paths,
}

impl<E> ApiMiddleware<E> {
    /// Stands before this service, which has these paths.
    pub const fn new(service: E, paths: Paths) -> Self {
        Self { service, paths }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for ApiMiddleware<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = id_of(&request);
        request.headers_mut().insert(REQUEST_ID, id.clone());
        let path = request.uri().path().to_owned();
        let exchange = Exchange::begin(&request, &id, &self.paths);
        let answering = self.answer(request, &path).instrument(exchange.span().clone());
        let mut response = request_id::scope(id.clone(), answering).await;
        exchange.end(response.status());
        response.headers_mut().insert(REQUEST_ID, id);
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
        }
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> ApiMiddleware<E> {
    async fn answer(&self, request: Request, path: &str) -> Response {
        // A request that changes nothing has no outcome to be in doubt about.
        let is_safe = request.method().is_safe();
        let answering = AssertUnwindSafe(self.service.call(request)).catch_unwind();
        match timeout(REQUEST_TIMEOUT, answering).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => self.failure(&error, path),
            Ok(Err(_panic)) => {
                static THROTTLE: LogThrottle = LogThrottle::new();
                if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                    error!(path, suppressed, "a request handler panicked");
                }
                ErrorBody::new(ErrorCode::InternalError, "Internal Server Error")
                    .response(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Err(_elapsed) => {
                static THROTTLE: LogThrottle = LogThrottle::new();
                if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                    warn!(path, suppressed, "a request took too long");
                }
                let code =
                    if is_safe { ErrorCode::RequestTimeout } else { ErrorCode::OutcomeUnknown };
                let detail = "The request took too long; whether it was carried out is unknown";
                ErrorBody::new(code, detail).response(StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }

    /// The answer for what no operation answered.
    fn failure(&self, error: &Error, path: &str) -> Response {
        if error.is::<NotFoundError>()
            && let Some(redirect) = self.without_slash(path)
        {
            return redirect;
        }
        let status = error.status();
        let detail = status.canonical_reason().unwrap_or_default();
        let response = ErrorBody::new(code_of(status), detail).response(status);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            let allow = self.paths.methods(path).unwrap_or("GET, HEAD");
            return with_header(response, header::ALLOW, allow);
        }
        response
    }

    /// A path with a slash too many is redirected, as the original (Starlette) does. The target is
    /// relative, so that it also works behind a path prefix.
    fn without_slash(&self, path: &str) -> Option<Response> {
        let target = path.strip_suffix('/').filter(|path| self.paths.methods(path).is_some())?;
        let (_, last) = target.rsplit_once('/')?;
        let response = Response::builder().status(StatusCode::TEMPORARY_REDIRECT).finish();
        Some(with_header(response, header::LOCATION, &format!("../{last}")))
    }
}

/// The code of an error of the framework, which has a status only.
fn code_of(status: StatusCode) -> ErrorCode {
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

/// The client's request id if it has a usable one, else a new one.
fn id_of(request: &Request) -> HeaderValue {
    let usable = |id: &&HeaderValue| {
        (1..=MAX_REQUEST_ID_BYTES).contains(&id.len())
            && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    request.headers().get(REQUEST_ID).filter(usable).cloned().unwrap_or_else(new_request_id)
}

/// An id for a request that has none.
pub(crate) fn new_request_id() -> HeaderValue {
    let id = Uuid::new_v4().simple().to_string();
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown"))
}

/// The answer to a request that no operation may answer.
pub(crate) fn refusal(
    request: &Request,
    status: StatusCode,
    code: ErrorCode,
    detail: &str,
) -> Response {
    let id = id_of(request);
    Exchange::begin(request, &id, &Paths::default()).end(status);
    let mut response = ErrorBody::new(code, detail).with_request_id(&id).response(status);
    response.headers_mut().insert(REQUEST_ID, id);
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
    async fn a_panicking_handler_is_an_answer_without_internals() {
        let middleware = middleware(|_| async { panic!("secret at 10.0.0.1") });
        let response = middleware.get_response(Request::default()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let expected = ("Internal Server Error".to_owned(), "internal_error".to_owned());
        assert_eq!(error(response).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_stuck_is_answered_in_time() {
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
