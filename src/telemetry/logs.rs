//! Logs, written to standard error.

use std::io::{self, IsTerminal};

use instrumentation::trace::SPAN_TARGET;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::log_line::LogLine;
use crate::config::{LogFormat, LogSettings, SettingError};

/// Levels of dependencies unless `RUST_LOG` names them. ractor opens a span for the whole run of an actor,
/// which every line of the actor would carry. Failed exports are logged by `otlp.rs` instead.
const DEFAULT_DIRECTIVES: &str =
    "opentelemetry=warn,opentelemetry_otlp=error,opentelemetry_sdk=error,ractor=off";

/// Starts logging to standard error; within a sampled span, events are added to the span as well.
///
/// # Errors
/// When `RUST_LOG` is invalid.
pub fn start(
    settings: &LogSettings,
    traces: Option<&SdkTracerProvider>,
) -> Result<(), SettingError> {
    let is_text = is_text(settings.log_format);
    let filter = format!("{DEFAULT_DIRECTIVES},{},{SPAN_TARGET}=off", settings.rust_log);
    let filter = EnvFilter::builder().parse(filter);
    let filter = filter.map_err(|error| {
        SettingError::new("RUST_LOG", format!("must be levels, by module or for all: {error}"))
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(is_text && io::stderr().is_terminal())
        .event_format(LogLine { is_text })
        .with_filter(filter);
    let spans = traces.map(|traces| {
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer("energy-pipeline"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_traced))
    });
    // Err: another subscriber is installed already, and continues to serve.
    let _ = tracing_subscriber::registry().with(spans).with(lines).try_init();
    Ok(())
}

/// Selects our spans, and the events within them.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    if metadata.is_span() {
        return metadata.target() == SPAN_TARGET;
    }
    *metadata.level() <= Level::INFO && !metadata.target().starts_with("opentelemetry")
}

fn is_text(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    }
}
