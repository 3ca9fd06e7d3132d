//! Backoff, and requests to Redis that are retried until they succeed.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ConstantBackoff, ConstantBuilder, ExponentialBuilder, Retryable};
use instrumentation::log_throttle::LogThrottle;
use readings::store::StoreError;
use tracing::warn;

use super::outage_gate::OutageGate;

/// The pause after the first failure. Too low and a restarting server is flooded; too high and each short
/// interruption costs that much.
const MIN_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause. Too low and an outage is answered with a request storm; too high and work resumes
/// that late after it.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Exponential backoff with jitter and without a limit of attempts: an outage costs time, never entries.
pub(crate) fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(MIN_PAUSE)
        .with_max_delay(MAX_PAUSE)
        .with_jitter()
        .without_max_times()
}

/// The same interval again and again; jitter makes each up to twice as long, so that replicas do not act
/// at the same time.
pub(crate) fn jittered_interval(interval: Duration) -> ConstantBackoff {
    ConstantBuilder::default().with_delay(interval).with_jitter().without_max_times().build()
}

/// Retries a request, which must be idempotent, until it succeeds. While it fails the gate is closed, so
/// that no further entries are read.
pub(crate) async fn retry_forever<T, F>(gate: &OutageGate, request: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    static THROTTLE: LogThrottle = LogThrottle::new();
    let mut failures = 0_u32;
    // Entered at the first failure; dropped, and the gate with it opened, on return.
    let mut outage = None;
    let response = request.retry(backoff()).notify(|error, pause| {
        outage.get_or_insert_with(|| gate.enter());
        gate.record_failure(Instant::now());
        failures += 1;
        if failures.is_power_of_two()
            && let Some(suppressed) = THROTTLE.should_log(Instant::now())
        {
            warn!(%error, failures, ?pause, suppressed, "retrying a request to Redis; its entries stay in flight");
        }
    });
    response.await.unwrap_or_else(|error| unreachable!("retried without a limit: {error}"))
}
