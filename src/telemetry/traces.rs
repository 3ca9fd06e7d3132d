//! Traces: made of spans, sent in batches by a thread of its own.

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context as _;
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

use super::otlp::{self, Reception};
use crate::config::{OtlpProtocol, TelemetrySettings};

/// Spans that ended, whatever became of them.
pub const SPANS_ENDED: Metric =
    Metric::counter("spans_ended", "Spans of traced requests and readings that ended");

static ENDED: LazyLock<Counter<u64>> = LazyLock::new(|| SPANS_ENDED.build_counter());

/// Makes and exports spans as the settings say. All that reach it are sampled: that is decided before.
///
/// # Errors
/// When a setting is of no use.
pub fn provider(
    settings: &TelemetrySettings,
    resource: Resource,
) -> anyhow::Result<SdkTracerProvider> {
    otlp::begin_to_count();
    LazyLock::force(&ENDED);
    let exporter = Watched { exporter: exporter(settings)?, reception: Reception::default() };
    let processor = Counting(BatchSpanProcessor::builder(exporter).build());
    Ok(SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource)
        .build())
}

fn exporter(settings: &TelemetrySettings) -> anyhow::Result<SpanExporter> {
    let endpoint = settings.traces_endpoint().unwrap_or_default();
    let built = match settings.otel_exporter_otlp_protocol {
        OtlpProtocol::HttpProtobuf => SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&endpoint)
            .build(),
        OtlpProtocol::Grpc => {
            let _runtime = otlp::grpc_runtime()?;
            SpanExporter::builder().with_tonic().with_endpoint(&endpoint).build()
        }
    };
    built.with_context(|| {
        format!("traces cannot be sent to {endpoint} (OTEL_EXPORTER_OTLP_ENDPOINT)")
    })
}

/// Counts spans before they get into the queue, which may be full.
#[derive(Debug)]
struct Counting(BatchSpanProcessor);

impl SpanProcessor for Counting {
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

/// Counts what became of spans.
#[derive(Debug)]
struct Watched {
    exporter: SpanExporter,
    reception: Reception,
}

impl Export for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.reception.note("spans", spans, &result);
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
