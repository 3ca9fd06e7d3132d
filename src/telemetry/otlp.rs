//! The common parts of OTLP exporters. An unreachable collector is logged now and then, and costs nothing
//! else.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;
use instrumentation::metrics::{Label, Metric};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::error::OTelSdkResult;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tracing::{info, warn};

use crate::config::OtlpProtocol;

/// Time limit of the last export at shutdown. Too low: the last spans are lost if the collector is slow.
/// Too high: a process with an unreachable collector exceeds its grace period and is killed.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Spans passed to the exporter, by outcome. Spans dropped because its queue was full are not among them.
pub const SPANS_EXPORTED: Metric = Metric::counter(
    "spans_exported",
    "Spans that were exported to the collector, or failed to be. Those that ended and are not among \
     these wait in the queue, or were dropped because it was full",
)
.with_labels(&[Label::enumerated("outcome", &[SENT, FAILED])]);

const SENT: &str = "sent";
const FAILED: &str = "failed";

static EXPORTED: LazyLock<Counter<u64>> = LazyLock::new(|| SPANS_EXPORTED.build_counter());

/// Registers the counters, so that they are exposed as 0 before the first export.
pub fn init_counters() {
    LazyLock::force(&EXPORTED);
}

/// Counts and logs the outcomes of exports.
#[derive(Debug, Default)]
pub struct ExportOutcomes {
    failures: AtomicU32,
}

impl ExportOutcomes {
    /// Counts an export; of consecutive failures, logs those whose number is a power of two. The exporter
    /// hides failures from the SDK, which would log each of them.
    pub fn record(&self, telemetry: &'static str, items: usize, result: &OTelSdkResult) {
        let outcome = if result.is_ok() { SENT } else { FAILED };
        EXPORTED.add(items as u64, &[KeyValue::new("outcome", outcome)]);
        match result {
            Ok(()) => {
                let failures = self.failures.swap(0, Ordering::Relaxed);
                if failures > 0 {
                    info!(telemetry, failures, "export to the collector succeeds again");
                }
            }
            Err(error) => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                if failures.is_power_of_two() {
                    warn!(%error, telemetry, failures, "export to the collector failed; dropped");
                }
            }
        }
    }
}

/// The runtime of gRPC exporters, in a thread of its own: the process may have one other thread only, which
/// blocks on the last export at shutdown.
static GRPC: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(1).thread_name("otlp-grpc").enable_all().build()
});

/// Builds an exporter of `telemetry` (traces or metrics) for the protocol.
///
/// # Errors
/// When the system provides no thread for gRPC, or the exporter rejects the endpoint.
pub fn exporter<E>(
    telemetry: &str,
    protocol: OtlpProtocol,
    endpoint: &str,
    build: impl FnOnce(OtlpProtocol) -> Result<E, ExporterBuildError>,
) -> anyhow::Result<E> {
    // gRPC exporters take the runtime in which they are built.
    let _guard = (protocol == OtlpProtocol::Grpc).then(grpc_runtime).transpose()?;
    build(protocol).with_context(|| {
        format!("{telemetry} cannot be exported to {endpoint} (OTEL_EXPORTER_OTLP_ENDPOINT)")
    })
}

fn grpc_runtime() -> anyhow::Result<EnterGuard<'static>> {
    let runtime = GRPC.as_ref().map_err(|error| anyhow::anyhow!("{error}"));
    runtime.map(Runtime::enter).context("cannot start the thread of the gRPC exporter")
}
