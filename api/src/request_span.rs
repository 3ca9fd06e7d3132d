//! The duration and the server span of a request (OpenTelemetry's HTTP semantic conventions).

use std::sync::Arc;
use std::time::{Duration, Instant};

use instrumentation::trace::{self, SPAN_TARGET, TRACEPARENT};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use poem::Request;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::client_address;
use crate::head_only::HeadOnly;
use crate::metrics::{METRICS, STATUS};
use crate::paths::{PROBES, Paths};

/// The header of the caller's trace, without parsing its name for each request.
const TRACE_CONTEXT: HeaderName = HeaderName::from_static(TRACEPARENT);

/// A request in progress.
pub(crate) struct RequestSpan {
    began: Instant,
    method: &'static str,
    route: Arc<str>,
    span: Span,
}

impl RequestSpan {
    /// Begins at the head of a request.
    pub fn begin(request: &Request, id: &HeaderValue, paths: &Paths) -> Self {
        let (method, route) = (method_label(request), paths.route(request.uri().path()));
        let span = span(request, id, method, &route);
        Self { began: Instant::now(), method, route, span }
    }

    /// The span; disabled when the request is not traced.
    pub const fn span(&self) -> &Span {
        &self.span
    }

    /// Ends at the head of the response.
    pub fn end(self, status: StatusCode) {
        METRICS.responded(self.method, self.route, status.as_u16(), self.began.elapsed());
        if self.span.is_none() {
            return;
        }
        self.span.set_attribute(STATUS, i64::from(status.as_u16()));
        if status.is_server_error() {
            self.span.set_attribute("error.type", status.as_str().to_owned());
            self.span.set_status(opentelemetry::trace::Status::error(""));
        }
    }
}

/// Creates the span of a sampled request.
///
/// Sampling is decided before: to create a span and not to export it takes a quarter of the time of accepting a
/// reading.
fn span(request: &Request, id: &HeaderValue, method: &'static str, route: &str) -> Span {
    let caller = request.headers().get(TRACE_CONTEXT);
    let caller = caller.and_then(|value| trace::from_traceparent(value.as_bytes()));
    // Probes would be most of all spans.
    if caller.is_none() && PROBES.contains(&route) || trace::tracer_for(caller.as_ref()).is_none() {
        return Span::none();
    }
    let name = format!("{method} {route}");
    let span = info_span!(
        target: SPAN_TARGET, "request",
        otel.name = name.trim_end(), otel.kind = "server",
        http.request.method = method, http.route = Empty, url.path = request.uri().path(),
        url.scheme = "http", user_agent.original = Empty, client.address = Empty,
        http.request.header.x_request_id = id.to_str().unwrap_or_default(),
    );
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if !route.is_empty() {
        span.record("http.route", route);
    }
    if let Some(agent) = text(header::USER_AGENT) {
        span.record("user_agent.original", agent);
    }
    if let Some(address) = client_address::of(request) {
        span.record("client.address", tracing::field::display(address));
    }
    if let Some(caller) = caller {
        // Err: no layer exports spans, so the parent has no use.
        let _ = span.set_parent(Context::new().with_remote_span_context(caller));
    }
    span
}

/// Counts a response to bytes that are not a request.
pub(crate) fn count_protocol_error(status: StatusCode) {
    METRICS.responded(OTHER, Arc::default(), status.as_u16(), Duration::ZERO);
}

const OTHER: &str = "_OTHER";

/// The method as a label; unknown methods share one, or a client could create series without end.
fn method_label(request: &Request) -> &'static str {
    match request.method().as_str() {
        "GET" if request.extensions().get::<HeadOnly>().is_some() => "HEAD",
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => OTHER,
    }
}
