//! One request of a connection, from its head to the last byte of its response.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response, StatusCode};
use poem::http::{HeaderValue, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint};

use super::connection_state::ConnectionState;
use super::request_head;
use super::transport::Transport;
use crate::error_code::ErrorCode;
use crate::metrics::METRICS;
use crate::middleware;
use crate::paths::PROBES;

/// Seconds after which a client should try again when there are too many connections.
const RETRY_AFTER_SECONDS: u16 = 5;

type BoxBody = http_body_util::combinators::BoxBody<Bytes, io::Error>;

/// Both ends of a connection, and what is between them.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub transport: Transport,
}

/// Handles a request.
pub(super) async fn handle(
    mut request: Request<Incoming>,
    endpoint: &impl Endpoint<Output = poem::Response>,
    peers: &Peers,
    state: &Arc<ConnectionState>,
) -> Response<TrackedBody<BoxBody, ResponseTracker>> {
    let error = request_head::validate(&request);
    let error = error.or_else(|| peers.transport.rejection(request.uri().path()));
    request_head::normalize_path(&mut request);
    request_head::route_as_get(&mut request);
    let request = into_poem(request, peers, state);
    let mut response = if let Some((status, code, detail)) = error {
        middleware::reject(&request, status, code, detail)
    } else if state.probes_only && !PROBES.contains(&request.uri().path()) {
        too_many_connections(&request)
    } else {
        endpoint.get_response(request).await
    };
    // After an unread body no other request can follow: the rest of it is in the way.
    if state.shutdown().is_lame_duck()
        || state.probes_only
        || state.has_unread_body()
        || peers.transport.must_close()
    {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let tracker = ResponseTracker(Arc::clone(state));
    Response::from(response).map(|body| TrackedBody { body: BoxBody::from(body), tracker })
}

fn into_poem(
    request: Request<Incoming>,
    Peers { local, remote, transport }: &Peers,
    state: &Arc<ConnectionState>,
) -> poem::Request {
    let (mut parts, body) = request.into_parts();
    if let Some(certificate) = transport.client_certificate() {
        parts.extensions.insert(certificate.clone());
    }
    // Boxed once: the framework's own conversion boxes the body before it can be wrapped.
    let body = if body.is_end_stream() {
        poem::Body::empty()
    } else {
        let body = body.map_err(io::Error::other);
        let tracker = RequestTracker(Arc::clone(state));
        BoxBody::new(TrackedBody { body, tracker }).into()
    };
    let peers = (LocalAddr(Addr::from(*local)), RemoteAddr(Addr::from(*remote)));
    poem::Request::from_parts((parts, peers.0, peers.1, transport.scheme()).into(), body)
}

fn too_many_connections(request: &poem::Request) -> poem::Response {
    METRICS.connection_unavailable();
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let detail = "There are too many connections; try again later";
    let mut response = middleware::reject(request, status, ErrorCode::TooManyConnections, detail);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
    response
}

/// A body whose end changes the state of the connection.
pub(super) struct TrackedBody<B, T> {
    body: B,
    tracker: T,
}

/// Observes a body.
pub(super) trait BodyTracker: Unpin {
    /// The body was read to its end.
    fn read_to_end(&self) {}
}

/// Records that the body of a request was read to its end.
struct RequestTracker(Arc<ConnectionState>);

impl BodyTracker for RequestTracker {
    fn read_to_end(&self) {
        self.0.end_body();
    }
}

/// Records that hyper has taken the whole body of a response, or will take no more of it: both drop the body.
pub(super) struct ResponseTracker(Arc<ConnectionState>);

impl BodyTracker for ResponseTracker {}

impl Drop for ResponseTracker {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

impl<B: Body<Data = Bytes, Error = io::Error> + Unpin, T: BodyTracker> Body for TrackedBody<B, T> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.tracker.read_to_end();
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
