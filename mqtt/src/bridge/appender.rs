//! Appends batches to the stream, and retries until Redis confirms.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::Utc;
use instrumentation::log_throttle::LogThrottle;
use instrumentation::{spans, trace};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use readings::store::append_batch::{AppendBatch, AppendBatchError, Appended};
use readings::store::codec::ingestion_time;
use readings::store::receivers::{self, Receiver};
use readings::store::stream::StreamPartitions;
use readings::store::{ErrorClass, StoreError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::backlog_gate::BacklogGate;
use super::batch::Batch;

/// The pause after the first failure. Too low: a restarting server is flooded. Too high: each short interruption costs
/// that much.
const MIN_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause. Too low: an outage is answered with a request storm. Too high: work resumes that late after it.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// How long is waited for a shorter backlog before it is read again. Too low: needless checks. Too high: work resumes
/// that late.
const BACKLOG_PAUSE: Duration = Duration::from_millis(250);

/// Exponential backoff with jitter and without a limit of attempts.
pub(super) fn backoff(max_pause: Duration) -> ExponentialBackoff {
    let builder = ExponentialBuilder::default().with_min_delay(MIN_PAUSE);
    builder.with_max_delay(max_pause).with_jitter().without_max_times().build()
}

/// Appends to the stream.
#[derive(Debug, Clone)]
pub(super) struct Appender {
    pub partitions: StreamPartitions,
    pub idempotency_ttl: Duration,
    pub backlog: BacklogGate,
}

impl Appender {
    /// Appends the readings and dead-letters other messages, and retries until Redis has confirmed it; false if that is
    /// cancelled before. An attempt that has begun is always completed: later ones must not overtake it.
    pub async fn append(&self, batch: &Batch, cancelled: &CancellationToken) -> bool {
        let mut pauses = backoff(MAX_PAUSE);
        while self.backlog.is_reached() && !cancelled.is_cancelled() {
            sleep(BACKLOG_PAUSE).await;
        }
        while !cancelled.is_cancelled() {
            match self.traced_attempt(batch).await {
                Ok(appended) => {
                    receivers::of(Receiver::Mqtt).accepted(appended.readings, appended.replayed);
                    return true;
                }
                Err(error) => log_failure(&error),
            }
            let pause = pauses.next().unwrap_or(MAX_PAUSE);
            cancelled.run_until_cancelled(sleep(pause)).await;
        }
        false
    }

    /// An attempt in a span of its own, if the sampler wants one.
    async fn traced_attempt(&self, batch: &Batch) -> Result<Appended, String> {
        let Some(tracer) = trace::tracer_for(None) else { return self.attempt(batch).await };
        let span = spans::receive(Receiver::Mqtt.name(), batch.packet_ids.len());
        let context = Context::new();
        let context = context.with_span(tracer.build_with_context(span, &context));
        let result = self.attempt(batch).with_context(context.clone()).await;
        if result.is_err() {
            spans::set_error(&context.span(), "append_failed");
        }
        context.span().end();
        result
    }

    async fn attempt(&self, batch: &Batch) -> Result<Appended, String> {
        let appended = self.append_readings(&batch.readings).await?;
        fail::fail_point!("mqtt-after-append");
        match self.partitions.dead_letter_rows(&batch.rejected, self.idempotency_ttl).await {
            Err(error) if passes(&error) => return Err(error.to_string()),
            Err(error) => log_not_dead_lettered(&error),
            Ok(_) => {}
        }
        Ok(appended)
    }

    async fn append_readings(&self, readings: &AppendBatch) -> Result<Appended, String> {
        if readings.readings() == 0 {
            return Ok(Appended::default());
        }
        let now = ingestion_time(Utc::now());
        let appended =
            self.partitions.append_batch(readings, &now, None, self.idempotency_ttl).await;
        appended.map_err(|error| match error {
            AppendBatchError::Failed(interrupted) => interrupted.error.to_string(),
            AppendBatchError::KeyConflict => "the key of a batch was used before".to_owned(),
        })
    }
}

/// Whether a repetition may succeed. Otherwise messages that are no readings are logged only, so that valid ones are not
/// held up by them.
const fn passes(error: &StoreError) -> bool {
    use ErrorClass::{Busy, Disconnected, Full, ReadOnly, Timeout};
    matches!(error.class, Busy | Disconnected | Full | ReadOnly | Timeout)
}

fn log_not_dead_lettered(error: &StoreError) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(%error, suppressed, "rejected messages have no dead letters");
    }
}

fn log_failure(error: &str) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(error, suppressed, "retrying to append readings; their messages stay unacknowledged");
    }
}
