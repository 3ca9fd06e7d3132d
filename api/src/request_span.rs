//! A request and its answer as they are seen from outside: counted, and with a span where they are
//! traced.

use std::sync::Arc;
use std::time::{Duration, Instant};

use instrumentation::trace::{self, SPAN_TARGET, TRACEPARENT};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use poem::Request;
use poem::http::{HeaderValue, StatusCode, header};
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::head_only::HeadOnly;
use crate::metrics::{METRICS, STATUS};
use crate::paths::Paths;

/// Asked for every few seconds by probes and scrapers, and of no interest as traces.
const NOT_TRACED: [&str; 4] = ["/health", "/livez", "/metrics", "/readyz"];

/// A request that is being answered.
pub(crate) struct Exchange {
    began: Instant,
    method: &'static str,
    route: Arc<str>,
    span: Span,
}

impl Exchange {
    /// Begins with the head of a request.
    pub fn begin(request: &Request, id: &HeaderValue, paths: &Paths) -> Self {
        let (method, route) = (method(request), paths.route(request.uri().path()));
        let span = span(request, id, method, &route);
        Self { began: Instant::now(), method, route, span }
    }

    /// The span, which is none for what is not traced.
    pub const fn span(&self) -> &Span {
        &self.span
    }

    /// Ends with the head of the answer.
    pub fn end(self, status: StatusCode) {
        METRICS.responded(self.method, &self.route, status.as_u16(), self.began.elapsed());
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

/// Decided first: making a span and not exporting it costs a quarter of what taking a reading costs.
fn span(request: &Request, id: &HeaderValue, method: &'static str, route: &str) -> Span {
    let caller = request.headers().get(TRACEPARENT);
    let caller = caller.and_then(|value| trace::from_traceparent(value.as_bytes()));
    if caller.is_none() && NOT_TRACED.contains(&route)
        || trace::tracer_for(caller.as_ref()).is_none()
    {
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
    if let Some(address) = request.remote_addr().as_socket_addr() {
        span.record("client.address", tracing::field::display(address.ip()));
    }
    if let Some(caller) = caller {
        // Err: no layer exports spans, so there is nobody to tell.
        let _ = span.set_parent(Context::new().with_remote_span_context(caller));
    }
    span
}

/// Notes an answer to what is no request.
pub(crate) fn not_a_request(status: StatusCode) {
    METRICS.responded(OTHER, &Arc::default(), status.as_u16(), Duration::ZERO);
}

const OTHER: &str = "_OTHER";

/// The method as a label: a client may invent others.
fn method(request: &Request) -> &'static str {
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
