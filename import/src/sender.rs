//! Sends rows concurrently, and records the outcome of each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::input::row::ParsedRow;
use crate::tracking::ImportState;
use crate::tracking::rejects::Rejects;
use crate::tracking::row_outcome::{FailureKind, RowFailure, RowOutcome};

/// How many rows may fail in succession before the import is aborted; at least twice the rows in flight, which may all
/// fail at once. Too low: a short outage aborts. Too high: a wrong URL gets that many requests.
const MIN_CONSECUTIVE_FAILURES: usize = 100;

/// Sends the rows of an import.
pub struct Sender {
    client: Client,
    rejects: Mutex<Rejects>,
    state: ImportState,
    consecutive_failures: AtomicUsize,
}

/// The queue from the reader, which the workers share.
type RowQueue = tokio::sync::Mutex<mpsc::Receiver<ParsedRow>>;

impl Sender {
    /// Creates a sender that writes rows which are not accepted to `rejects`.
    pub const fn new(client: Client, rejects: Rejects, state: ImportState) -> Self {
        let consecutive_failures = AtomicUsize::new(0);
        Self { client, rejects: Mutex::new(rejects), state, consecutive_failures }
    }

    /// Sends rows by `concurrency` workers until the queue ends or the import is aborted.
    ///
    /// # Errors
    /// When a worker panics. Failed rows are counted, and are no error.
    pub async fn send_all(
        self,
        rows: mpsc::Receiver<ParsedRow>,
        concurrency: u16,
    ) -> anyhow::Result<()> {
        let (sender, rows) = (Arc::new(self), Arc::new(RowQueue::new(rows)));
        let max_failures = MIN_CONSECUTIVE_FAILURES.max(2 * usize::from(concurrency));
        let mut workers = JoinSet::new();
        for _ in 0..concurrency {
            workers.spawn(Arc::clone(&sender).run_worker(Arc::clone(&rows), max_failures));
        }
        while let Some(worker) = workers.join_next().await {
            worker.context("a worker of the import panicked")?;
        }
        Ok(())
    }

    async fn run_worker(self: Arc<Self>, rows: Arc<RowQueue>, max_failures: usize) {
        let abort = self.state.abort.token();
        // The abort interrupts the wait for a row, never a row in flight: its outcome must be recorded.
        let next_row = async || {
            abort.run_until_cancelled(async { rows.lock().await.recv().await }).await.flatten()
        };
        while let Some(row) = next_row().await {
            match row {
                Ok(row) => match self.client.post(&row).await {
                    RowOutcome::Accepted { is_replayed } => {
                        self.accepted(row.line, is_replayed == Some(true));
                    }
                    RowOutcome::NotAccepted(failure) => {
                        self.not_accepted(row.line, row.text(), &failure, max_failures);
                    }
                    RowOutcome::NotSent => self.state.stats.not_sent(row.line),
                },
                Err(row) => self.not_accepted(row.line, &row.text, &row.error.into(), max_failures),
            }
        }
    }

    fn accepted(&self, line: u64, is_replayed: bool) {
        self.consecutive_failures.store(0, Ordering::Relaxed);
        self.state.stats.accepted(line, is_replayed);
    }

    fn not_accepted(&self, line: u64, text: &str, failure: &RowFailure, max_failures: usize) {
        self.state.stats.not_accepted(line, failure.kind);
        self.write_reject(line, text, failure);
        // A rejection is a response of a working service.
        if failure.kind == FailureKind::Rejected {
            self.consecutive_failures.store(0, Ordering::Relaxed);
        } else if self.consecutive_failures.fetch_add(1, Ordering::Relaxed) + 1 == max_failures {
            let last = failure.describe();
            let reason = anyhow!("{max_failures} rows failed in a row, the last one: {last}");
            self.state.abort.trigger(reason);
        }
    }

    fn write_reject(&self, line: u64, text: &str, failure: &RowFailure) {
        let mut rejects = self.rejects.lock().unwrap_or_else(PoisonError::into_inner);
        // On the terminal, the reason of the abort is printed once, not for each row that failed by it.
        let is_duplicate =
            failure.kind != FailureKind::Rejected && self.state.abort.reason().is_some();
        if is_duplicate && rejects.path().is_none() {
            return;
        }
        if let Err(error) = rejects.add(line, text, failure) {
            self.state.abort.trigger(anyhow!("the rejects file cannot be written: {error}"));
        }
    }
}
