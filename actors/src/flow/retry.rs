//! Repeats an exchange with Redis until it works.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ConstantBackoff, ConstantBuilder, ExponentialBuilder, Retryable};
use instrumentation::log_throttle::LogThrottle;
use readings::store::StoreError;
use tracing::warn;

use crate::flow::outage_gate::Outage;

/// The first pause after a failure. Too low and a restarting server is flooded.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause. Too high and work resumes that late after an outage.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Growing pauses with jitter, without end: an outage costs time, never entries.
pub(crate) fn patience() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
}

/// About this pause, again and again; with jitter, so that replicas do not all do it at once.
pub(crate) fn every(pause: Duration) -> ConstantBackoff {
    ConstantBuilder::default().with_delay(pause).with_jitter().without_max_times().build()
}

/// Repeats `exchange`, which must be safe to repeat, until it works. Meanwhile there is an outage,
/// and nothing more is read.
pub(crate) async fn until_done<T, F>(outage: &Outage, exchange: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    static THROTTLE: LogThrottle = LogThrottle::new();
    let mut failures = 0_u32;
    let mut failing = None;
    let done = exchange.retry(patience()).notify(|error, pause| {
        failing.get_or_insert_with(|| outage.noticed());
        failures += 1;
        if failures.is_power_of_two()
            && let Some(suppressed) = THROTTLE.should_log(Instant::now())
        {
            warn!(%error, failures, ?pause, suppressed, "entries are kept until Redis takes them");
        }
    });
    done.await.unwrap_or_else(|error| unreachable!("repeated without end: {error}"))
}
