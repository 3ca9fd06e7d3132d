//! What sending to a collector has in common: where, how, and that a collector that is away is told
//! of now and then and costs nothing else.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;
use instrumentation::metrics::{Label, Metric};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use opentelemetry_sdk::error::OTelSdkResult;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tracing::{info, warn};

/// How long the end of the process waits for a collector. Too low and the last spans are lost to a slow
/// one; too high and a process whose collector is away is killed for not ending.
pub const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// Spans that were given to the exporter, sent or not. Those that found its queue full are not among
/// them.
pub const SPANS_EXPORTED: Metric = Metric::counter(
    "spans_exported",
    "Spans that were sent to the collector, or could not be. `spans_ended_total` less these is what \
     waits, or found the queue full and is lost",
)
.with_labels(&[Label::enumerated("outcome", &[SENT, FAILED])]);

const SENT: &str = "sent";
const FAILED: &str = "failed";

static EXPORTED: LazyLock<Counter<u64>> = LazyLock::new(|| SPANS_EXPORTED.build_counter());

/// Counts to 0 what nothing has been exported of yet.
pub fn begin_to_count() {
    LazyLock::force(&EXPORTED);
}

/// How the collector takes what it is sent.
#[derive(Debug, Default)]
pub struct Reception {
    failures: AtomicU32,
}

impl Reception {
    /// Counts what was sent; of failures in a row, those are told whose number is a power of two. The
    /// SDK is told of none: it would write a line for each.
    pub fn note(&self, what: &'static str, items: usize, result: &OTelSdkResult) {
        let outcome = if result.is_ok() { SENT } else { FAILED };
        EXPORTED.add(items as u64, &[KeyValue::new("outcome", outcome)]);
        match result {
            Ok(()) => {
                let failures = self.failures.swap(0, Ordering::Relaxed);
                if failures > 0 {
                    info!(what, failures, "the collector takes them again");
                }
            }
            Err(error) => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                if failures.is_power_of_two() {
                    warn!(%error, what, failures, "the collector does not take them; they are dropped");
                }
            }
        }
    }
}

/// The runtime that gRPC needs. A thread of its own, as the process may have one thread only, and that
/// waits at its end for what this one sends.
static GRPC: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(1).thread_name("otlp-grpc").enable_all().build()
});

/// Within this, gRPC exporters can be made.
///
/// # Errors
/// When the system gives no thread.
pub fn grpc_runtime() -> anyhow::Result<EnterGuard<'static>> {
    let runtime = GRPC.as_ref().map_err(|error| anyhow::anyhow!("{error}"));
    runtime.map(Runtime::enter).context("there is no thread for the collector")
}
