//! Where logs, metrics and traces of this process go.

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

/// What is sent to a collector, until it is ended.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: SdkMeterProvider,
}

/// Starts logs, metrics and traces of a role.
///
/// # Errors
/// When a setting is of no use.
pub fn start(
    role: &str,
    log: &LogSettings,
    settings: &TelemetrySettings,
) -> anyhow::Result<Telemetry> {
    // The exporters' client wants one also for plain HTTP; Err means that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    settings.check()?;
    let resource = resource(role, settings)?;
    let metrics = metrics::start(settings, resource.clone())?;
    let traces = if settings.traces() { Some(traces::provider(settings, resource)?) } else { None };
    logs::start(log, traces.as_ref())?;
    panic_hook::start(log);
    if let Some(provider) = &traces {
        opentelemetry::global::set_tracer_provider(provider.clone());
        instrumentation::trace::init(settings.sampling()?);
    }
    Ok(Telemetry { traces, metrics })
}

impl Telemetry {
    /// Sends what has not been sent; takes a few seconds at most where nobody takes it.
    pub fn end(self) {
        let ended =
            self.traces.map_or(Ok(()), |traces| traces.shutdown_with_timeout(otlp::FLUSH_WITHIN));
        let ended = ended.and(self.metrics.shutdown_with_timeout(otlp::FLUSH_WITHIN));
        if let Err(error) = ended {
            warn!(%error, "the last spans and metrics were not sent");
        }
    }
}

/// What this process says of itself, by OpenTelemetry's conventions; what is said later is stronger.
fn resource(role: &str, settings: &TelemetrySettings) -> anyhow::Result<Resource> {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let own = [
        KeyValue::new("service.name", format!("energy-pipeline-{role}")),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", format!("{host}-{}", std::process::id())),
        KeyValue::new("host.name", host),
    ];
    let given = settings.resource_attributes()?.into_iter();
    let name = settings.service_name().map(|name| KeyValue::new("service.name", name.to_owned()));
    Ok(Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(own)
        .with_attributes(given.map(|(key, value)| KeyValue::new(key, value)))
        .with_attributes(name)
        .build())
}
