//! One request of a connection, from its head to the last byte of its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response, StatusCode};
use poem::http::uri::Scheme;
use poem::http::{HeaderValue, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Response as Answer};

use super::connection_state::State;
use super::request_head;
use crate::error_code::ErrorCode;
use crate::metrics::METRICS;
use crate::middleware;

/// What is answered on connections above the limit.
const PROBES: [&str; 4] = ["/health", "/livez", "/metrics", "/readyz"];

/// When a client should try again that found no place.
const RETRY_AFTER_SECONDS: u16 = 5;

type BoxBody = http_body_util::combinators::BoxBody<Bytes, std::io::Error>;

/// Answers a request.
pub(super) async fn answer(
    mut request: Request<Incoming>,
    endpoint: &impl Endpoint<Output = Answer>,
    peers: (LocalAddr, RemoteAddr),
    state: &Arc<State>,
) -> Response<AnswerBody> {
    let fault = request_head::fault(&request);
    request_head::normalize_path(&mut request);
    request_head::route_as_get(&mut request);
    let request = converted(request, peers, state);
    let mut response = if let Some((status, code, detail)) = fault {
        middleware::reject(&request, status, code, detail)
    } else if state.probes_only && !PROBES.contains(&request.uri().path()) {
        too_many(&request)
    } else {
        endpoint.get_response(request).await
    };
    if state.server().is_announced() || state.probes_only || state.has_unread_body() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Response::from(response).map(|body| AnswerBody { body, state: Arc::clone(state) })
}

fn converted(
    request: Request<Incoming>,
    (local, remote): (LocalAddr, RemoteAddr),
    state: &Arc<State>,
) -> poem::Request {
    let has_body = !request.body().is_end_stream();
    let mut request: poem::Request = (request, local, remote, Scheme::HTTP).into();
    if has_body {
        let body = BoxBody::from(request.take_body());
        request.set_body(BoxBody::new(RequestBody { body, state: Arc::clone(state) }));
    }
    request
}

fn too_many(request: &poem::Request) -> Answer {
    METRICS.connection_unavailable();
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let detail = "There are too many connections; try again later";
    let mut response = middleware::reject(request, status, ErrorCode::TooManyConnections, detail);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
    response
}

/// The body of a request; notes when it has been read to its end.
struct RequestBody {
    body: BoxBody,
    state: Arc<State>,
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.state.end_body();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer; notes when hyper has got all of it, or will send no more of it.
pub(super) struct AnswerBody {
    body: BoxBody,
    state: Arc<State>,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.state.end_request();
    }
}
