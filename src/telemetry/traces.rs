//! Traces: spans are exported in batches by a thread of the SDK.

use std::sync::LazyLock;
use std::time::Duration;

use instrumentation::metrics::Metric;
use opentelemetry::Context;
use opentelemetry::metrics::Counter;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Sampler, SdkTracerProvider, Span, SpanData, SpanExporter as Export,
    SpanProcessor,
};

use super::otlp::{self, ExportOutcomes};
use crate::config::{OtlpProtocol, TelemetrySettings};

/// Ended spans, whether they are exported or not.
pub const SPANS_ENDED: Metric =
    Metric::counter("spans_ended", "Spans of traced requests and readings that ended");

static ENDED: LazyLock<Counter<u64>> = LazyLock::new(|| SPANS_ENDED.build_counter());

/// Creates the provider that exports spans. Sampling is decided before a span is created, so every span
/// that reaches it is sampled.
///
/// # Errors
/// When the exporter cannot be built.
pub fn provider(
    settings: &TelemetrySettings,
    resource: Resource,
) -> anyhow::Result<SdkTracerProvider> {
    otlp::init_counters();
    LazyLock::force(&ENDED);
    let exporter =
        CountingExporter { exporter: exporter(settings)?, outcomes: ExportOutcomes::default() };
    let processor = CountingProcessor(BatchSpanProcessor::builder(exporter).build());
    Ok(SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource)
        .build())
}

fn exporter(settings: &TelemetrySettings) -> anyhow::Result<SpanExporter> {
    let endpoint = settings.traces_endpoint().unwrap_or_default();
    otlp::exporter("traces", settings.otel_exporter_otlp_protocol, &endpoint, |protocol| {
        match protocol {
            OtlpProtocol::HttpProtobuf => SpanExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(&endpoint)
                .build(),
            OtlpProtocol::Grpc => {
                SpanExporter::builder().with_tonic().with_endpoint(&endpoint).build()
            }
        }
    })
}

/// Counts spans before they enter the queue, which may be full.
#[derive(Debug)]
struct CountingProcessor(BatchSpanProcessor);

impl SpanProcessor for CountingProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        ENDED.add(1, &[]);
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Counts the outcomes of exports.
#[derive(Debug)]
struct CountingExporter {
    exporter: SpanExporter,
    outcomes: ExportOutcomes,
}

impl Export for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.outcomes.record("spans", spans, &result);
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
