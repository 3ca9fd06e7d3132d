//! A circuit breaker over all rows of an import: while the service fails, one row at a time is sent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::MutexGuard;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::response::RetryableFailure;
use crate::tracking::ImportState;

/// How often a failure is reported again. Too low: it floods the terminal. Too high: the import looks stuck.
const NOTICE_INTERVAL: Duration = Duration::from_secs(10);

/// Closed while the service responds; open after a failure. An open breaker is always half-open as well: it lets
/// one row after another probe the service.
pub struct CircuitBreaker {
    retry_for: Duration,
    state: ImportState,
    successes: AtomicU64,
    is_open: AtomicBool,
    /// Held by the row that probes the service.
    probe: tokio::sync::Mutex<()>,
    outage: Mutex<Outage>,
}

/// The current or last outage of the service.
#[derive(Default)]
struct Outage {
    /// End of the wait that the service asked for by `Retry-After`.
    retry_at: Option<Instant>,
    last_notice: Option<Instant>,
    /// Whether a notice was printed in this outage: only then its end is reported.
    was_reported: bool,
    /// The last failure, whether printed or not.
    reason: String,
}

impl CircuitBreaker {
    /// Reports failures on the progress display, and aborts the import when they last for `retry_for`. Starts
    /// open: the first row probes whether there is a service at all.
    pub fn new(retry_for: Duration, state: ImportState) -> Self {
        Self {
            retry_for,
            state,
            successes: AtomicU64::new(0),
            is_open: AtomicBool::new(true),
            probe: tokio::sync::Mutex::new(()),
            outage: Mutex::new(Outage::default()),
        }
    }

    /// Number of rows with a final response.
    pub fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    /// Waits until the row may be sent. While the breaker is open, the returned guard makes this row the only
    /// one in flight: otherwise a hanging service would make the outcome of all rows unknown. A row without
    /// `deadline`, which was not sent before, waits for the result of those that were.
    ///
    /// # Errors
    /// When the deadline passes or the import is aborted before the row may be sent.
    pub async fn acquire(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Option<MutexGuard<'_, ()>>, RetryableFailure> {
        if !self.is_open() {
            return Ok(None);
        }
        let probe = self.before(deadline, self.probe.lock()).await?;
        // The breaker may have closed while this row waited for the row before it.
        let retry_at = self.outage().retry_at.filter(|_| self.is_open());
        if let Some(retry_at) = retry_at {
            // A row whose deadline is earlier is sent for the last time then.
            let latest = deadline.unwrap_or_else(|| Instant::now() + self.retry_for);
            self.before(None, sleep_until(retry_at.min(latest))).await?;
        }
        Ok(self.is_open().then_some(probe))
    }

    /// Waits for `future` until the deadline or the abort.
    async fn before<T>(
        &self,
        deadline: Option<Instant>,
        future: impl Future<Output = T>,
    ) -> Result<T, RetryableFailure> {
        let abort = self.state.abort.token();
        let unless_aborted = abort.run_until_cancelled(future);
        let output = match deadline {
            Some(deadline) => timeout_at(deadline, unless_aborted).await.ok().flatten(),
            None => unless_aborted.await,
        };
        // The future may have completed together with the abort, which wins.
        output.filter(|_| !abort.is_cancelled()).ok_or_else(|| self.not_sent())
    }

    /// A row got a final response: the breaker closes.
    pub fn on_success(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
        // Reads first: nearly always the breaker is closed, and a write would contend for the cache line.
        let closes = self.is_open() && self.is_open.swap(false, Ordering::Relaxed);
        if closes && std::mem::take(&mut self.outage().was_reported) {
            self.state.progress.print_notice("the service responds again");
        }
    }

    /// A row failed and may be retried: the breaker opens.
    pub fn on_failure(&self, failure: &RetryableFailure) {
        self.is_open.store(true, Ordering::Relaxed);
        let mut outage = self.outage();
        failure.reason.clone_into(&mut outage.reason);
        if let Some(wait) = failure.retry_after {
            outage.retry_at = Some(Instant::now() + wait);
        }
        let is_due = outage.last_notice.is_none_or(|time| time.elapsed() >= NOTICE_INTERVAL);
        if is_due && !self.state.abort.is_aborted() {
            outage.last_notice = Some(Instant::now());
            outage.was_reported = true;
            self.print_notice(&outage.reason);
        }
    }

    /// A row exhausted its retries; `successes` were counted when it was first sent. If no row has succeeded since,
    /// the service is down, and the import is aborted.
    pub fn on_exhausted(&self, successes: u64) {
        if successes == self.successes() && !self.state.abort.is_aborted() {
            self.state.abort.trigger(anyhow!("gave up: {}", self.outage().reason));
        }
    }

    fn print_notice(&self, reason: &str) {
        if self.retry_for.is_zero() {
            self.state.progress.print_notice(reason);
        } else {
            let seconds = self.retry_for.as_secs_f64().ceil();
            let notice = format_args!("{reason}; rows are retried for up to {seconds} s");
            self.state.progress.print_notice(notice);
        }
    }

    fn not_sent(&self) -> RetryableFailure {
        let reason = format!("not sent, because earlier rows failed: {}", self.outage().reason);
        RetryableFailure { reason, retry_after: None, may_be_accepted: false, request_id: None }
    }

    fn outage(&self) -> std::sync::MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }
}
