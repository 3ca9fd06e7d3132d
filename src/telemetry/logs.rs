//! Logs: lines on standard error.

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
use crate::config::{LogFormat, LogSettings, SettingFault};

/// What is quiet unless `RUST_LOG` names it. ractor opens a span for each actor's whole life, which
/// every line of the actor would then carry. Of a collector that is away we write our own lines.
const QUIET: &str =
    "opentelemetry=warn,opentelemetry_otlp=error,opentelemetry_sdk=error,ractor=off";

/// Writes logs to standard error; of what is traced, also to its spans.
///
/// # Errors
/// When the levels are none.
pub fn start(
    settings: &LogSettings,
    traces: Option<&SdkTracerProvider>,
) -> Result<(), SettingFault> {
    let is_text = is_text(settings.log_format);
    let filter = format!("{QUIET},{},{SPAN_TARGET}=off", settings.rust_log);
    let filter = EnvFilter::builder().parse(filter);
    let filter = filter.map_err(|error| {
        SettingFault::new("RUST_LOG", format!("must be levels, by module or for all: {error}"))
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
    // Err means that a subscriber is there already, which serves as well.
    let _ = tracing_subscriber::registry().with(spans).with(lines).try_init();
    Ok(())
}

/// Our spans, and what is said while one of them is under way.
fn is_traced(what: &Metadata<'_>) -> bool {
    if what.is_span() {
        return what.target() == SPAN_TARGET;
    }
    *what.level() <= Level::INFO && !what.target().starts_with("opentelemetry")
}

fn is_text(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    }
}
