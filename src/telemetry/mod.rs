//! Logs, metrics and traces of this process.

mod log_line;
mod logs;
mod metrics;
#[cfg(test)]
mod metrics_document;
mod otlp;
mod panic_hook;
mod traces;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::warn;

pub use self::metrics::renderer;
use crate::config::{LogSettings, TelemetrySettings};

/// The exporters of a running role.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: SdkMeterProvider,
}

/// Starts logs, metrics and traces of a role.
///
/// # Errors
/// When a setting is invalid.
pub fn start(
    role: &str,
    log: &LogSettings,
    settings: &TelemetrySettings,
) -> anyhow::Result<Telemetry> {
    settings.check()?;
    let resource = resource(role, settings)?;
    let metrics = metrics::start(settings, resource.clone())?;
    let traces =
        if settings.exports_traces() { Some(traces::provider(settings, resource)?) } else { None };
    logs::start(log, traces.as_ref())?;
    panic_hook::install(log);
    if let Some(provider) = &traces {
        opentelemetry::global::set_tracer_provider(provider.clone());
        instrumentation::trace::init(settings.sampling()?);
    }
    Ok(Telemetry { traces, metrics })
}

impl Telemetry {
    /// Exports the last spans and metrics; gives up after a few seconds if the collector is unreachable.
    pub fn shutdown(self) {
        let flushed =
            self.traces.map_or(Ok(()), |traces| traces.shutdown_with_timeout(otlp::FLUSH_TIMEOUT));
        let flushed = flushed.and(self.metrics.shutdown_with_timeout(otlp::FLUSH_TIMEOUT));
        if let Err(error) = flushed {
            warn!(%error, "the last spans and metrics were not exported");
        }
    }
}

/// The resource attributes of this process, by OpenTelemetry's semantic conventions; later ones override
/// earlier ones.
fn resource(role: &str, settings: &TelemetrySettings) -> anyhow::Result<Resource> {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let own = [
        KeyValue::new("service.name", format!("energy-pipeline-{role}")),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", format!("{host}-{}", std::process::id())),
        KeyValue::new("host.name", host),
    ];
    let configured = settings.resource_attributes()?.into_iter();
    let name = settings.service_name().map(|name| KeyValue::new("service.name", name.to_owned()));
    Ok(Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(own)
        .with_attributes(configured.map(|(key, value)| KeyValue::new(key, value)))
        .with_attributes(name)
        .build())
}
