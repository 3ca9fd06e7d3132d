//! Logs and metrics of this process.

use std::io::{self, IsTerminal};

use api::operations::RenderPrometheus;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, Registry, TextEncoder};
use tracing_subscriber::EnvFilter;

/// What is logged unless `RUST_LOG` says otherwise. ractor opens a span for each actor's whole life,
/// which every line of the actor would then carry.
const QUIET: &str = "info,opentelemetry=warn,ractor=off";

/// Writes logs to standard error: text on a terminal, elsewhere JSON. `RUST_LOG` chooses levels.
pub fn start_logging() {
    let directives = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let filter = EnvFilter::builder().parse_lossy(format!("{QUIET},{directives}"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // Err means that a subscriber is there already, which serves as well.
    let _ = if io::stderr().is_terminal() {
        logs.with_target(false).try_init()
    } else {
        logs.json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init()
    };
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
