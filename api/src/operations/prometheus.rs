//! The metrics of the process as Prometheus text, on a port of their own.

use poem_openapi::{ApiResponse, OpenApi};

use super::metrics::{PrometheusText, RenderPrometheus};
use crate::api_tag::ApiTag;

/// `/metrics` and `/metrics/prometheus`, text whatever `Accept` names: no entry of the stream is in it.
#[derive(Debug)]
pub struct PrometheusApi(pub RenderPrometheus);

#[derive(ApiResponse)]
enum PrometheusResponse {
    /// The metrics in the Prometheus text format.
    #[oai(status = 200)]
    Metrics(PrometheusText),
}

#[OpenApi(tag = "ApiTag::Operations")]
impl PrometheusApi {
    /// Metrics as text
    #[allow(clippy::unused_async, reason = "the framework calls async operations only")]
    #[oai(path = "/metrics", method = "get", operation_id = "get_metrics_text")]
    async fn metrics(&self) -> PrometheusResponse {
        PrometheusResponse::Metrics(self.0.render())
    }

    /// Metrics as text, at a path that says so
    #[allow(clippy::unused_async, reason = "the framework calls async operations only")]
    #[oai(path = "/metrics/prometheus", method = "get", operation_id = "get_metrics_prometheus")]
    async fn prometheus(&self) -> PrometheusResponse {
        PrometheusResponse::Metrics(self.0.render())
    }
}
