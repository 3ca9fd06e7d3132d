//! Metrics: kept here for Prometheus to fetch, and sent to a collector where that is wanted.

use std::sync::OnceLock;

use anyhow::Context;
use api::operations::RenderPrometheus;
use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use prometheus::{Encoder, Registry, TextEncoder};

use super::otlp;
use crate::config::{OtlpProtocol, TelemetrySettings};

/// What was counted in this process; empty until counting has begun.
static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// Begins to count.
///
/// # Errors
/// When an exporter cannot be set up.
pub fn start(settings: &TelemetrySettings, resource: Resource) -> anyhow::Result<SdkMeterProvider> {
    let registry = Registry::new();
    let for_prometheus = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .without_target_info()
        .scope_info_enabled(false)
        .build()?;
    let mut provider =
        SdkMeterProvider::builder().with_reader(for_prometheus).with_resource(resource);
    if settings.sends_metrics() {
        provider = provider.with_reader(PeriodicReader::builder(exporter(settings)?).build());
    }
    let provider = provider.build();
    opentelemetry::global::set_meter_provider(provider.clone());
    // Err means that counting has begun before.
    let _ = REGISTRY.set(registry);
    Ok(provider)
}

fn exporter(settings: &TelemetrySettings) -> anyhow::Result<MetricExporter> {
    // Always there: the settings are checked for it.
    let endpoint = settings.signal_endpoint("v1/metrics").unwrap_or_default();
    let built = match settings.otel_exporter_otlp_protocol {
        OtlpProtocol::HttpProtobuf => MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&endpoint)
            .build(),
        OtlpProtocol::Grpc => {
            let _runtime = otlp::grpc_runtime()?;
            MetricExporter::builder().with_tonic().with_endpoint(&endpoint).build()
        }
    };
    built.with_context(|| {
        format!("metrics cannot be sent to {endpoint} (OTEL_EXPORTER_OTLP_ENDPOINT)")
    })
}

/// Renders what was counted as Prometheus text.
pub fn renderer() -> RenderPrometheus {
    RenderPrometheus::new(|| REGISTRY.get().map(render).unwrap_or_default())
}

fn render(registry: &Registry) -> String {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut text) {
        tracing::warn!(%error, "metrics cannot be rendered");
    }
    String::from_utf8_lossy(&text).into_owned()
}
