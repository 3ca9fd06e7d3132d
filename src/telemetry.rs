//! Logs and metrics of this process.

use std::io::{self, IsTerminal};

use api::operations::RenderPrometheus;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, Registry, TextEncoder};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogSettings};

/// What is quiet unless `RUST_LOG` names it. ractor opens a span for each actor's whole life,
/// which every line of the actor would then carry.
const QUIET: &str = "opentelemetry=warn,ractor=off";

/// Writes logs to standard error.
pub fn start_logging(settings: &LogSettings) {
    let filter = EnvFilter::builder().parse_lossy(format!("{QUIET},{}", settings.rust_log));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Err means that a subscriber is there already, which serves as well.
    let _ = if is_text(settings.log_format) {
        logs.with_ansi(io::stderr().is_terminal()).with_target(false).try_init()
    } else {
        logs.json().flatten_event(true).with_current_span(false).try_init()
    };
}

fn is_text(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    }
}

/// Starts counting, and gives the way to read the counters.
///
/// # Errors
/// When the exporter cannot be set up.
pub fn start_metrics() -> anyhow::Result<RenderPrometheus> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .without_target_info()
        .build()?;
    let provider = SdkMeterProvider::builder().with_reader(exporter).build();
    opentelemetry::global::set_meter_provider(provider);
    Ok(RenderPrometheus::new(move || render(&registry)))
}

fn render(registry: &Registry) -> String {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut text) {
        tracing::warn!(%error, "metrics cannot be rendered");
    }
    String::from_utf8_lossy(&text).into_owned()
}
