//! An OpenTelemetry collector that keeps what it receives, for both protocols.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use poem::endpoint::make;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Endpoint, EndpointExt, Request, Response, Route, Server, post};
use prost::Message;
use tokio::task::JoinHandle;
use tonic::transport::server::TcpIncoming;

/// A received span.
#[derive(Debug, Clone)]
pub struct Received {
    /// The service that sent it.
    pub service: String,
    pub span: Span,
}

type Kept = Arc<Mutex<Vec<Received>>>;
type MetricNames = Arc<Mutex<BTreeSet<String>>>;

/// Listens until it is dropped.
pub struct Collector {
    kept: Kept,
    metric_names: MetricNames,
    http: String,
    grpc: String,
    tasks: [JoinHandle<()>; 2],
}

impl Collector {
    pub async fn start() -> Self {
        let (kept, metric_names) = (Kept::default(), MetricNames::default());
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = acceptor.local_addr()[0].as_socket_addr().copied().unwrap();
        let http = format!("http://{address}");
        let service = over_http(Arc::clone(&kept), Arc::clone(&metric_names));
        let serving_http =
            tokio::spawn(async { Server::new_with_acceptor(acceptor).run(service).await.unwrap() });
        let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let grpc = format!("http://{}", incoming.local_addr().unwrap());
        let service = TraceServiceServer::new(OverGrpc(Arc::clone(&kept)));
        let server = tonic::transport::Server::builder().add_service(service);
        let serving_grpc =
            tokio::spawn(async { server.serve_with_incoming(incoming).await.unwrap() });
        Self { kept, metric_names, http, grpc, tasks: [serving_http, serving_grpc] }
    }

    /// Its URL for `http/protobuf`.
    pub fn http(&self) -> &str {
        &self.http
    }

    /// Its URL for `grpc`.
    pub fn grpc(&self) -> &str {
        &self.grpc
    }

    /// All spans received so far.
    pub fn spans(&self) -> Vec<Received> {
        self.kept.lock().unwrap().clone()
    }

    /// The names of all metrics received so far, over HTTP.
    pub fn metric_names(&self) -> BTreeSet<String> {
        self.metric_names.lock().unwrap().clone()
    }

    /// The spans of a trace received so far.
    pub fn trace(&self, trace_id: &str) -> Vec<Received> {
        self.spans().into_iter().filter(|received| received.trace_id() == trace_id).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Received {
    pub fn name(&self) -> &str {
        &self.span.name
    }

    pub fn trace_id(&self) -> String {
        hex(&self.span.trace_id)
    }

    pub fn span_id(&self) -> String {
        hex(&self.span.span_id)
    }

    pub fn parent_id(&self) -> String {
        hex(&self.span.parent_span_id)
    }

    /// The traces and spans that it links to.
    pub fn links(&self) -> Vec<(String, String)> {
        self.span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect()
    }

    /// An attribute as text; empty when it does not exist.
    pub fn attribute(&self, key: &str) -> String {
        attribute(&self.span.attributes, key)
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|found| found.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(other) => panic!("{key} is {other:?}"),
        None => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn keep(kept: &Kept, request: ExportTraceServiceRequest) {
    for resource in request.resource_spans {
        let attributes = resource.resource.unwrap_or_default().attributes;
        let service = attribute(&attributes, "service.name");
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        let received = spans.map(|span| Received { service: service.clone(), span });
        kept.lock().unwrap().extend(received);
    }
}

fn keep_names(names: &MetricNames, request: ExportMetricsServiceRequest) {
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| scope.metrics);
    names.lock().unwrap().extend(metrics.map(|metric| metric.name));
}

fn over_http(kept: Kept, metric_names: MetricNames) -> impl Endpoint<Output = Response> {
    let receive = make(move |request: Request| {
        let (kept, metric_names) = (Arc::clone(&kept), Arc::clone(&metric_names));
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().into_bytes().await?;
            match path.as_str() {
                "/v1/traces" => keep(&kept, ExportTraceServiceRequest::decode(body).unwrap()),
                "/v1/metrics" => {
                    keep_names(&metric_names, ExportMetricsServiceRequest::decode(body).unwrap());
                }
                _ => {}
            }
            Ok::<_, poem::Error>(
                Response::builder().content_type("application/x-protobuf").finish(),
            )
        }
    });
    Route::new().at("/v1/*rest", post(receive)).map_to_response()
}

struct OverGrpc(Kept);

#[tonic::async_trait]
impl TraceService for OverGrpc {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        keep(&self.0, request.into_inner());
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}
