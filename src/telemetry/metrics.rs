//! Metrics: collected for Prometheus to scrape, and exported to a collector if configured.

use std::sync::OnceLock;

use api::operations::RenderPrometheus;
use instrumentation::metrics::with_prefix;
use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream,
};
use prometheus::{Encoder, Registry, TextEncoder};

use super::otlp;
use crate::config::{OtlpProtocol, TelemetrySettings};

/// The metrics of this process; empty before [`start`].
static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// Starts collecting metrics.
///
/// # Errors
/// When an exporter cannot be built.
pub fn start(settings: &TelemetrySettings, resource: Resource) -> anyhow::Result<SdkMeterProvider> {
    let registry = Registry::new();
    let for_prometheus = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .without_target_info()
        .scope_info_enabled(false)
        .build()?;
    let provider = SdkMeterProvider::builder().with_reader(for_prometheus).with_view(without_sdk);
    let mut provider = provider.with_resource(resource);
    if settings.exports_metrics() {
        provider = provider.with_reader(PeriodicReader::builder(exporter(settings)?).build());
    }
    let provider = provider.build();
    opentelemetry::global::set_meter_provider(provider.clone());
    // Err: collecting has been started before.
    let _ = REGISTRY.set(registry);
    Ok(provider)
}

/// Drops the metrics of the SDK about itself, which come with its bound instruments: `docs/metrics.md` is complete.
fn without_sdk(instrument: &Instrument) -> Option<Stream> {
    let is_of_sdk = instrument.scope().name() == "otel.sdk";
    let dropped = || Stream::builder().with_aggregation(Aggregation::Drop).build().ok();
    if is_of_sdk { dropped() } else { None }
}

fn exporter(settings: &TelemetrySettings) -> anyhow::Result<MetricExporter> {
    // Always set: the settings are checked for it.
    let endpoint = settings.signal_endpoint("v1/metrics").unwrap_or_default();
    otlp::exporter("metrics", settings.otel_exporter_otlp_protocol, &endpoint, |protocol| {
        match protocol {
            OtlpProtocol::HttpProtobuf => MetricExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(&endpoint)
                .build(),
            OtlpProtocol::Grpc => {
                MetricExporter::builder().with_tonic().with_endpoint(&endpoint).build()
            }
        }
    })
}

/// Renders the metrics as Prometheus text.
pub fn renderer() -> RenderPrometheus {
    RenderPrometheus::new(|| REGISTRY.get().map(render).unwrap_or_default())
}

fn render(registry: &Registry) -> String {
    let mut text = Vec::new();
    let mut metrics = registry.gather();
    // Those of OpenTelemetry's conventions have no prefix yet: they have none over OTLP.
    for metric in &mut metrics {
        metric.set_name(with_prefix(metric.name()));
    }
    if let Err(error) = TextEncoder::new().encode(&metrics, &mut text) {
        tracing::warn!(%error, "cannot render metrics");
    }
    String::from_utf8_lossy(&text).into_owned()
}
