//! `/metrics`: the stream as JSON for dashboards of the original, the metrics of the process as Prometheus text.

use std::fmt;
use std::sync::Arc;

use poem::http::{HeaderMap, header};
use poem::{IntoResponse, Request, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object, OpenApi, ResponseContent};
use readings::store::StoreError;
use readings::store::info::{EntryPreview, StreamInfo};
use readings::store::stream::StreamPartitions;
use serde_json::{Map, Value, json};

use super::health::ConsumerGroup;
use crate::api_tag::ApiTag;
use crate::store_failure::{ServiceUnavailable, StoreOperation};
use crate::weighted_items::weighted_items;
use crate::with_schema::{JsonSchema, WithSchema};

/// Renders the metrics of this process in the Prometheus text format.
#[derive(Clone)]
pub struct RenderPrometheus(Arc<dyn Fn() -> String + Send + Sync>);

impl RenderPrometheus {
    /// Renders with this function.
    pub fn new(render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }

    /// The metrics as they are now.
    pub(super) fn render(&self) -> PrometheusText {
        PrometheusText((self.0)())
    }
}

impl fmt::Debug for RenderPrometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RenderPrometheus")
    }
}

/// `/metrics`.
#[derive(Debug)]
pub struct MetricsApi {
    /// The partitions of the stream to describe.
    pub partitions: StreamPartitions,
    /// The metrics of this process.
    pub prometheus: RenderPrometheus,
}

/// The stream and its consumer groups.
#[derive(Debug, Object)]
pub struct StreamMetrics {
    /// The stream.
    stream: Stream,
    /// Its consumer groups.
    consumer_groups: Vec<ConsumerGroup>,
}

/// The stream of accepted readings.
#[derive(Debug, Object)]
pub struct Stream {
    /// Entries in it, read or not.
    length: u64,
    /// The oldest entry, `[id, {fields}]`, or null; fields are truncated at 4 KB in all, with their length.
    #[oai(nullable)]
    first_entry: WithSchema<Entry>,
    /// The newest entry, `[id, {fields}]`, or null; fields are truncated at 4 KB in all, with their length.
    #[oai(nullable)]
    last_entry: WithSchema<Entry>,
}

/// An entry: its id and its fields by name.
#[derive(Debug)]
struct Entry;

impl JsonSchema for Entry {
    fn schema() -> MetaSchema {
        let string = || MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        let fields = MetaSchema {
            additional_properties: Some(Box::new(string())),
            ..MetaSchema::new("object")
        };
        let part = MetaSchema {
            any_of: vec![string(), MetaSchemaRef::Inline(Box::new(fields))],
            ..MetaSchema::ANY
        };
        MetaSchema {
            items: Some(Box::new(MetaSchemaRef::Inline(Box::new(part)))),
            min_items: Some(2),
            max_items: Some(2),
            ..MetaSchema::new("array")
        }
    }
}

/// The stream does not exist.
#[derive(Debug, Object)]
pub struct NoStream {
    /// Always `no such key`, which is the error of Redis.
    error: String,
}

/// The stream, or the error that it does not exist.
struct StreamOrNone;

impl JsonSchema for StreamOrNone {
    fn schema() -> MetaSchema {
        let one_of = vec![StreamMetrics::schema_ref(), NoStream::schema_ref()];
        MetaSchema { one_of, ..MetaSchema::ANY }
    }

    fn register(registry: &mut Registry) {
        StreamMetrics::register(registry);
        NoStream::register(registry);
    }
}

#[derive(ResponseContent)]
enum MetricsContent {
    Stream(Json<WithSchema<StreamOrNone>>),
    Process(PrometheusText),
}

#[derive(ApiResponse)]
enum MetricsResponse {
    /// The stream and its consumer groups as JSON; or, when `Accept` names `text/plain` or
    /// `application/openmetrics-text`, the metrics of this process in the Prometheus text format.
    #[oai(status = 200)]
    Metrics(MetricsContent),
}

#[OpenApi(tag = "ApiTag::Operations")]
impl MetricsApi {
    /// Metrics
    ///
    /// The stream as JSON, unless `Accept` names `text/plain` or `application/openmetrics-text`: then the metrics of
    /// this process in the Prometheus text format.
    #[oai(path = "/metrics", method = "get", operation_id = "get_metrics")]
    async fn metrics(&self, request: &Request) -> Result<MetricsResponse, ServiceUnavailable> {
        if wants_text(request.headers()) {
            let text = self.prometheus.render();
            return Ok(MetricsResponse::Metrics(MetricsContent::Process(text)));
        }
        let described = self.describe().await.map_err(|error| {
            ServiceUnavailable::from_store(StoreOperation::DescribeStream, &error)
        })?;
        let json = match described {
            Some(metrics) => metrics.to_json(),
            None => NoStream { error: "no such key".to_owned() }.to_json(),
        };
        let json = WithSchema::new(json.unwrap_or_default());
        Ok(MetricsResponse::Metrics(MetricsContent::Stream(Json(json))))
    }
}

impl MetricsApi {
    async fn describe(&self) -> Result<Option<StreamMetrics>, StoreError> {
        let Some(info) = self.partitions.info().await? else { return Ok(None) };
        let StreamInfo { length, first_entry, last_entry, .. } = info;
        let groups = self.partitions.backlogs().await?;
        Ok(Some(StreamMetrics {
            stream: Stream {
                length,
                first_entry: as_redis_py(first_entry),
                last_entry: as_redis_py(last_entry),
            },
            consumer_groups: groups.into_iter().map(Into::into).collect(),
        }))
    }
}

/// Whether `Accept` names text with a weight above 0.
fn wants_text(headers: &HeaderMap) -> bool {
    weighted_items(headers, header::ACCEPT).any(|(name, weight)| {
        matches!(name.as_str(), "text/plain" | "application/openmetrics-text") && weight > 0.0
    })
}

/// An entry as redis-py returns it and the original passed it on: `[id, {field: value}]`.
fn as_redis_py(entry: Option<EntryPreview>) -> WithSchema<Entry> {
    WithSchema::new(entry.map_or(Value::Null, |EntryPreview { id, fields, .. }| {
        let fields: Map<_, _> = fields.into_iter().map(|(name, v)| (name, v.into())).collect();
        json!([id.to_string(), fields])
    }))
}

/// The Prometheus text exposition format.
#[derive(Debug)]
pub struct PrometheusText(String);

impl Payload for PrometheusText {
    const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
    }
}

impl IntoResponse for PrometheusText {
    fn into_response(self) -> Response {
        Response::builder().header(header::CONTENT_TYPE, Self::CONTENT_TYPE).body(self.0)
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn wants_text(accept: &'static str) -> bool {
        let value = HeaderValue::from_static(accept);
        super::wants_text(&HeaderMap::from_iter([(header::ACCEPT, value)]))
    }

    #[test]
    fn text_is_returned_only_when_accept_names_it() {
        assert!(wants_text("text/plain"));
        assert!(wants_text("application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.3"));
        assert!(!wants_text("*/*"));
        assert!(!wants_text("application/json"));
        assert!(!wants_text("text/*, text/html"));
        assert!(!wants_text("text/plain;q=0"));
        assert!(!wants_text("text/plain; Q=0.000, application/json"));
        assert!(wants_text("text/plain;q=0, application/openmetrics-text;q=0.5"));
        assert!(wants_text("text/plain;q=0.001"));
    }
}
